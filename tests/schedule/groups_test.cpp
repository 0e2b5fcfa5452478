// Several completions of one prompt.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "fakes/fake_clock.h"
#include "fakes/fake_runner.h"
#include "weir/schedule/scheduler.h"

namespace weir::schedule {
namespace {

using namespace std::chrono_literals;
using Readers = std::vector<work::ReplyReader>;

class GroupTest : public testing::Test {
 protected:
  void start(ModelSpec spec, SchedulerOptions options = {}, int depth = 0) {
    rows_.clear();
    runner_ = std::make_unique<fakes::FakeRunner>(spec, depth);
    runner_->on_row = [this](const Row& row) { rows_.push_back(row); };
    scheduler_ =
        std::make_unique<Scheduler>(Scheduler::Parts{*runner_, queue_, clock_, series_}, options);
  }

  Readers ask(size_t prompt, size_t completions, uint32_t max_tokens, size_t source = 0) {
    Readers readers(completions);
    std::vector<work::Request> requests(1);
    work::Request& request = requests.front();
    for (size_t i = 0; i < prompt; ++i) request.prompt.push_back(static_cast<int32_t>(i % 7));
    request.source.assign(source, 2);
    request.params = work::SamplingParams{.seed = 100, .max_tokens = max_tokens};
    std::tie(request.reply, readers[0]) = work::make_reply();
    for (size_t i = 1; i < completions; ++i) {
      request.branches.emplace_back().seed = 100 + i;
      std::tie(request.branches.back().reply, readers[i]) = work::make_reply();
    }
    EXPECT_TRUE(queue_.push(requests));
    return readers;
  }

  void run() {
    do scheduler_->step();
    while (!scheduler_->idle());
    EXPECT_TRUE(runner_->violations.empty()) << runner_->violations.front();
    EXPECT_TRUE(scheduler_->audit());
    EXPECT_EQ(scheduler_->started(), 0U);
  }

  struct Answer {
    std::vector<int32_t> tokens;
    std::optional<work::Finish> finish;
    std::optional<Error> error;
  };
  static Answer answer(work::ReplyReader& reader) {
    Answer answer;
    while (auto event = reader.next(0ms)) {
      if (auto* token = std::get_if<work::Token>(&*event)) answer.tokens.push_back(token->id);
      if (auto* finish = std::get_if<work::Finish>(&*event)) answer.finish = *finish;
      if (auto* error = std::get_if<Error>(&*event)) answer.error = *error;
    }
    return answer;
  }
  /// What is drawn with each seed, each alone.
  std::vector<std::vector<int32_t>> alone(const ModelSpec& spec, size_t prompt, size_t completions,
                                          uint32_t max_tokens, size_t source = 0) {
    std::vector<std::vector<int32_t>> texts;
    for (size_t i = 0; i < completions; ++i) {
      start(spec, {.prefix_cache = false});
      Readers readers = ask(prompt, i + 1, max_tokens, source);
      for (size_t other = 0; other < i; ++other) readers[other].close();
      run();
      texts.push_back(answer(readers[i]).tokens);
    }
    return texts;
  }

  std::vector<size_t> row_sizes() {
    std::vector<size_t> sizes;
    for (const Row& row : std::exchange(rows_, {}))
      sizes.push_back(row.tokens.size() + row.source.size());
    return sizes;
  }

  static ModelSpec decoder(uint32_t pages = 100) {
    return {.memory = {.pages = true},
            .vocabulary = 1000,
            .max_tokens = 200,
            .page_size = 4,
            .pages = pages};
  }

  fakes::FakeClock clock_;
  Registry metrics_;
  StepSeries series_{metrics_, {{"model", "m"}}};
  work::WorkQueue queue_{{}, nullptr};
  std::unique_ptr<fakes::FakeRunner> runner_;
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<Row> rows_;
};

using Sizes = std::vector<size_t>;

TEST_F(GroupTest, ThePromptIsComputedOnceAndEachDrawsAsAlone) {
  const auto texts = alone(decoder(), 10, 4, 6);
  EXPECT_NE(texts[0], texts[1]);
  start(decoder(), {.prefix_cache = false});
  Readers readers = ask(10, 4, 6);
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{10}));
  EXPECT_EQ(scheduler_->load().running, 4U);
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{1, 1, 1, 1}));
  EXPECT_EQ(runner_->copies, 3U);  // of the page with positions 8 and 9
  run();
  EXPECT_EQ(scheduler_->computed().prompt_tokens, 13U);
  for (size_t i = 0; i < readers.size(); ++i) {
    const Answer got = answer(readers[i]);
    EXPECT_EQ(got.tokens, texts[i]);
    ASSERT_TRUE(got.finish);
    EXPECT_EQ(got.finish->prompt_tokens, 10U);
  }
}

TEST_F(GroupTest, APromptThatEndsBehindAPageIsNotCopied) {
  start(decoder());
  Readers readers = ask(9, 3, 2);
  run();
  EXPECT_EQ(runner_->copies, 0U);
}

TEST_F(GroupTest, ItsSeatsAreCountedBeforeTheyAreTaken) {
  start(decoder(), {.max_sequences = 4, .max_batch_tokens = 4});
  Readers alone = ask(1, 1, 3), group = ask(12, 4, 2), last = ask(1, 1, 2);
  do {
    scheduler_->step();
    EXPECT_LE(scheduler_->load().running, 4U);
    if (scheduler_->load().running == 1) {
      EXPECT_EQ(scheduler_->load().waiting, 2U);  // nobody overtakes the group
    }
  } while (!scheduler_->idle() && !answer(alone[0]).finish);
  run();
  for (work::ReplyReader& reader : group) EXPECT_EQ(answer(reader).tokens.size(), 2U);
  EXPECT_TRUE(answer(last[0]).finish);
}

TEST_F(GroupTest, MoreThanTheSeatsAreRefused) {
  start(decoder(), {.max_sequences = 4});
  Readers readers = ask(3, 5, 2);
  run();
  for (work::ReplyReader& reader : readers) {
    const Answer got = answer(reader);
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->code, Code::invalid_argument);
    EXPECT_EQ(got.error->message,
              "5 completions of one prompt are asked for; this model computes 4 sequences at a "
              "time");
  }
}

TEST_F(GroupTest, AStateOfFixedSizeIsNotShared) {
  ModelSpec spec = decoder();
  spec.memory.slot = true;
  spec.slots = 9;
  start(spec);
  Readers readers = ask(3, 2, 2);
  run();
  EXPECT_EQ(answer(readers[1]).error->code, Code::invalid_argument);
}

TEST_F(GroupTest, ASourceIsEncodedOnce) {
  ModelSpec spec = decoder();
  spec.memory.source = true;
  spec.max_source = 40;
  const auto texts = alone(spec, 1, 3, 5, 9);
  start(spec);
  Readers readers = ask(1, 3, 5, 9);
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{10}));
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{1, 1, 1}));
  run();
  for (size_t i = 0; i < readers.size(); ++i) EXPECT_EQ(answer(readers[i]).tokens, texts[i]);
}

TEST_F(GroupTest, WhoeverIsReadGoesOnWhereTheFirstIsLeft) {
  const auto texts = alone(decoder(), 10, 3, 4);
  start(decoder(), {.max_batch_tokens = 4});
  Readers readers = ask(10, 3, 4);
  scheduler_->step();  // a part of the prompt
  readers[0].close();
  readers[1].close();
  run();
  EXPECT_EQ(answer(readers[2]).tokens, texts[2]);
}

TEST_F(GroupTest, APoolWithRoomForOneTakesThemInTurn) {
  const auto texts = alone(decoder(), 10, 4, 6);
  start(decoder(4), {.prefix_cache = false});  // 15 positions each
  Readers readers = ask(10, 4, 6);
  run();
  for (size_t i = 0; i < readers.size(); ++i) EXPECT_EQ(answer(readers[i]).tokens, texts[i]);
  EXPECT_LT(scheduler_->computed().prompt_tokens, 1000U);  // what is lost is computed again
}

TEST_F(GroupTest, AStepThatFailsBeforeTheFirstTokenFailsAll) {
  start(decoder(), {}, 1);
  bool fails = false;
  runner_->faults.collect = [&] { return fails; };
  Readers readers = ask(10, 3, 4);
  fails = true;
  scheduler_->step();
  fails = false;
  run();
  for (work::ReplyReader& reader : readers) EXPECT_EQ(answer(reader).error->code, Code::internal);
}

}  // namespace
}  // namespace weir::schedule
