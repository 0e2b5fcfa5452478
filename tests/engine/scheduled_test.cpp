// Models of every kind of memory, with little of it, run by the scheduler: sequences wait for each
// other, are preempted and begin anew, and every text is the reference's.
#include <chrono>

#include "engine/golden.h"
#include "fakes/scraped.h"
#include "weir/schedule/scheduler.h"

namespace weir::engine::test {
namespace {

struct Case {
  const char* model;  // of tests/golden/tiny
  LoadOptions options;
  uint32_t drafts = 0;
  bool alone = false;  // one sequence fills the memory, and none is preempted
};

// Pages have 16 positions. A window of mistral's touches 2 of them; its texts fill up to 4. The
// longest source of T5 fills 3 and its text 3.
const Case kCases[] = {
    {"mistral-window", {.pages = 2}, 0, true},
    {"mistral-window", {.pages = 5}, 12},
    {"mistral-full", {.pages = 6}},
    {"qwen2-window", {.pages = 5}, 12},
    {"qwen2-tied", {.pages = 6}},
    {"phi3-part-window", {.pages = 5}, 12},
    {"t5-far", {.pages = 6}, 0, true},
    {"t5-far", {.pages = 13}},
    {"t5-tied-gated", {.pages = 9}, 12},
    {"t5-untied-plain", {.pages = 8}},
    {"gru", {.max_sequences = 2}},
};

class ScheduledTest : public testing::TestWithParam<Case> {
 protected:
  void ask(const nlohmann::json& golden, int client) {
    auto [reply, reader] = work::make_reply();
    const bool encodes = golden.contains("source_ids");
    work::Request request{
        .prompt = golden[encodes ? "decoder_ids" : "ids"],
        .params =
            work::SamplingParams{.temperature = 0,
                                 .max_tokens = static_cast<uint32_t>(golden["output_ids"].size())},
        .reply = std::move(reply),
        .client = std::to_string(client)};
    if (encodes) request.source = golden["source_ids"].get<std::vector<int32_t>>();
    wanted_.push_back(golden["output_ids"]);
    readers_.push_back(std::move(reader));
    std::vector<work::Request> requests;
    requests.push_back(std::move(request));
    ASSERT_TRUE(queue_.push(requests));
  }

  static std::vector<int32_t> text_of(work::ReplyReader& reader) {
    std::vector<int32_t> text;
    while (auto event = reader.next(std::chrono::milliseconds(0))) {
      if (const auto* token = std::get_if<work::Token>(&*event)) text.push_back(token->id);
      if (const auto* error = std::get_if<Error>(&*event)) ADD_FAILURE() << error->message;
    }
    return text;
  }

  work::WorkQueue queue_{{}, nullptr};
  std::vector<std::vector<int32_t>> wanted_;
  std::vector<work::ReplyReader> readers_;
};

TEST_P(ScheduledTest, TextsAreTheReferencesWithLittleMemory) {
  const Case& tried = GetParam();
  LoadOptions options = tried.options;
  options.directory = std::string("tests/golden/tiny/") + tried.model;
  options.dtype = DType::float32;
  auto runner = load_runner(options);
  ASSERT_TRUE(runner);
  const auto golden = read_golden(std::string("tiny/") + tried.model + "/golden.json");
  const SteadyClock clock;
  Registry metrics;
  const schedule::StepSeries series{metrics, {{"model", "m"}}};
  schedule::Scheduler scheduler(
      {*runner, queue_, clock, series},
      {.max_chunk_tokens = 7, .prefix_cache = false, .max_drafts = tried.drafts});
  for (int client = 0; client < 3; ++client) {
    for (const auto& each : golden[golden.contains("sources") ? "sources" : "prompts"])
      ask(each, client);
    scheduler.step();
  }
  while (!scheduler.idle()) scheduler.step();
  for (size_t i = 0; i < readers_.size(); ++i) EXPECT_EQ(text_of(readers_[i]), wanted_[i]) << i;
  EXPECT_TRUE(scheduler.audit());
  const auto lost = fakes::scraped(metrics, "weir_preemptions_total{model=\"m\"}");
  EXPECT_EQ(lost.value_or(0) > 0, !tried.alone);
}

INSTANTIATE_TEST_SUITE_P(Tight, ScheduledTest, testing::ValuesIn(kCases), [](const auto& tested) {
  std::string name = tested.param.model + std::string("_") + std::to_string(tested.index);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(WindowMemory, ASequenceIsAsLongAsTheModelTakesIfTheCacheHoldsAWindow) {
  const auto longest = [](uint32_t pages) {
    const auto runner = load_runner(
        {.directory = "tests/golden/tiny/mistral-window", .dtype = DType::float32, .pages = pages});
    return runner ? runner->spec().max_tokens : 0;
  };
  EXPECT_EQ(longest(2), 128U);
  EXPECT_EQ(longest(1), 16U);
}

}  // namespace
}  // namespace weir::engine::test
