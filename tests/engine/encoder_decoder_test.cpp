// Encoder-decoders against transformers, and whatever may not change an answer: what else is in a
// step, how a decoder's prompt is cut, which pages hold what.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/golden.h"
#include "engine/tiny_model.h"

namespace weir::engine::test {
namespace {

using Ids = std::vector<int32_t>;
using nlohmann::json;

constexpr uint32_t kPageSize = 16;

std::vector<schedule::PageId> pages_for(size_t tokens, int32_t& next) {
  std::vector<schedule::PageId> pages;
  for (size_t i = 0; i < (tokens + kPageSize - 1) / kPageSize; ++i) pages.push_back(next++);
  return pages;
}

/// A sequence that is run by hand, one step after another.
class Sequence {
 public:
  /// Takes its pages from `next` on, room for `tokens` of its own.
  Sequence(Ids source, Ids prompt, size_t tokens, int32_t& next)
      : text_(prompt),
        row_{.tokens = std::move(prompt),
             .pages = pages_for(tokens, next),
             .params = work::SamplingParams{.temperature = 0, .logprobs = 0},
             .source = std::move(source)} {
    row_.source_pages = pages_for(row_.source.size(), next);
  }

  const HandRow& row() const { return row_; }
  void cut_first(size_t tokens) {
    row_.tokens.resize(tokens);
    row_.wants_output = false;
  }
  void take(const work::Output& output) {
    row_.first += static_cast<uint32_t>(row_.tokens.size());
    if (row_.wants_output) {
      const auto& token = std::get<work::Token>(output);
      text_.push_back(token.id);
      logprobs_.push_back(token.logprobs->own);
    }
    row_.tokens.assign(text_.begin() + row_.first, text_.end());
    row_.wants_output = true;
  }
  Ids completion(size_t prompt) const {
    return {text_.begin() + static_cast<std::ptrdiff_t>(prompt), text_.end()};
  }
  const std::vector<float>& logprobs() const { return logprobs_; }

 private:
  Ids text_;
  HandRow row_;
  std::vector<float> logprobs_;
};

void step(schedule::Runner& runner, std::span<Sequence* const> sequences) {
  std::vector<HandRow> rows;
  for (const Sequence* each : sequences) rows.push_back(each->row());
  const auto outputs = run(runner, rows);
  for (size_t i = 0; i < sequences.size(); ++i) sequences[i]->take(outputs.at(i));
}

class TinyT5 : public ::testing::TestWithParam<std::string> {
 protected:
  std::string folder() const { return "tests/golden/tiny/" + GetParam(); }
  std::unique_ptr<schedule::Runner> runner(DType type = DType::float32) const {
    return load_runner({.directory = folder(), .dtype = type, .page_size = kPageSize, .pages = 64});
  }
  json sources() const { return read_golden("tiny/" + GetParam() + "/golden.json")["sources"]; }
  Sequence sequence(const json& golden, int32_t& next) const {
    return {golden["source_ids"], golden["decoder_ids"], 64, next};
  }
};

TEST_P(TinyT5, GreedyTextIsTheReferences) {
  const auto model = runner();
  int32_t next = 0;
  std::vector<Sequence> all;
  for (const json& golden : sources()) all.push_back(sequence(golden, next));
  std::vector<Sequence*> rows;
  for (Sequence& each : all) rows.push_back(&each);
  for (int i = 0; i < 24; ++i) step(*model, rows);
  for (size_t i = 0; i < all.size(); ++i) {
    const json golden = sources()[i];
    EXPECT_EQ(all[i].completion(golden["decoder_ids"].size()), golden["output_ids"].get<Ids>())
        << golden["smallest_gap"];
  }
}

TEST_P(TinyT5, AnAnswerHasTheSameBitsAloneAndBesideOthers) {
  for (const DType type : {DType::float32, DType::bfloat16}) {
    const auto model = runner(type);
    const json golden = sources();
    int32_t next = 0;
    std::vector<Sequence> all;
    for (const json& each : golden) all.push_back(sequence(each, next));
    // One joins in each step, so that sources are encoded beside rows that decode.
    std::vector<Sequence*> rows;
    for (int i = 0; i < 12; ++i) {
      if (static_cast<size_t>(i) < all.size()) rows.push_back(&all[static_cast<size_t>(i)]);
      step(*model, rows);
    }
    for (size_t i = 0; i < all.size(); ++i) {
      int32_t elsewhere = static_cast<int32_t>(7 + i);
      Sequence alone = sequence(golden[i], elsewhere);
      Sequence* const row[] = {&alone};
      while (alone.logprobs().size() < all[i].logprobs().size()) step(*model, row);
      EXPECT_EQ(alone.completion(0), all[i].completion(0));
      EXPECT_EQ(alone.logprobs(), all[i].logprobs());
    }
  }
}

TEST_P(TinyT5, ADecodersPromptInPiecesHasTheBitsOfTheWhole) {
  const auto model = runner();
  for (const json& golden : sources()) {
    const size_t prompt = golden["decoder_ids"].size();
    int32_t next = 0;
    Sequence whole = sequence(golden, next), cut = sequence(golden, next);
    if (prompt > 1) {
      cut.cut_first(prompt / 2);
      Sequence* const first[] = {&cut};
      step(*model, first);
    }
    Sequence* const rows[] = {&whole, &cut};
    for (int i = 0; i < 6; ++i) step(*model, rows);
    EXPECT_EQ(cut.completion(0), whole.completion(0));
    EXPECT_EQ(cut.logprobs(), whole.logprobs());
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, TinyT5,
                         ::testing::Values("t5-tied-gated", "t5-untied-plain", "t5-far"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Whatever the cache holds, a source and a text of the lengths that are told fit together.
TEST(EnjaT5, LengthsFitTheCacheTogether) {
  for (const uint32_t pages : {2U, 3U, 28U, 40U, 64U, 500U}) {
    const auto model =
        load_runner({.directory = "models/enja-t5", .page_size = kPageSize, .pages = pages});
    ASSERT_TRUE(model);
    const schedule::ModelSpec& spec = model->spec();
    const auto pages_of = [](uint32_t tokens) { return (tokens + kPageSize - 1) / kPageSize; };
    EXPECT_GT(spec.max_source, 0U);
    EXPECT_LE(pages_of(spec.max_source) + pages_of(spec.max_tokens), pages);
    if (pages < 64) continue;
    EXPECT_EQ(spec.max_source, 512U);
    EXPECT_EQ(spec.max_tokens, 512U);
  }
  Progress progress;
  const auto refused = load({.directory = "models/enja-t5", .page_size = kPageSize, .pages = 1},
                            arch::table(), cpu(), progress);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("the cache has 1 page"), std::string::npos);
}

json translations() {
  std::ifstream file("models/enja-t5/golden.json");
  return json::parse(file)["rows"];
}

TEST(EnjaT5, GreedyTextInFloat32IsTheReferences) {
  const json golden = translations();
  const auto model = load_runner({.directory = "models/enja-t5",
                                  .dtype = DType::float32,
                                  .page_size = kPageSize,
                                  .pages = 512});
  int32_t next = 0;
  std::vector<Sequence> all;
  for (const json& row : golden)
    all.push_back({row["input_ids"], {0}, row["greedy_ids"].size() + 1, next});
  for (size_t i = 0; i < all.size(); ++i) {
    const auto wanted = golden[i]["greedy_ids"].get<Ids>();
    std::vector<Sequence*> row{&all[i]};
    while (all[i].logprobs().size() < wanted.size()) step(*model, row);
    EXPECT_EQ(all[i].completion(1), wanted)
        << golden[i]["text"] << ", closest " << golden[i]["closest_margin"];
  }
}

}  // namespace
}  // namespace weir::engine::test
