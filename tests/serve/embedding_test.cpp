#include <atomic>
#include <cmath>
#include <future>

#include "serve/tasks/embed.h"
#include "served.h"

namespace weir::serve {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pair;
using testing::SizeIs;

Result<Vector> cut(std::vector<float> values, uint32_t dimensions) {
  return vector_of({.values = std::move(values)}, {.dimensions = dimensions});
}

TEST(VectorOf, CutsAndRenormalises) {
  const auto unit = ElementsAre(FloatNear(0.6F, 1e-7F), FloatNear(0.8F, 1e-7F));
  EXPECT_THAT(*cut({3, 4, 12}, 2), unit);
  EXPECT_THAT(*cut({3, 4}, 2), unit);
  EXPECT_THAT(*cut({0, 0, 1}, 2), ElementsAre(0, 0));
  EXPECT_EQ(cut({3, 4}, 3).error().message, "dimensions is 3; this model's vectors have 2");
  EXPECT_EQ(cut({3, 4}, 0).error().param, "dimensions");
}

/// embed() blocks, so it runs beside the test, which plays the scheduler.
class EmbeddingTest : public ServedTest {
 protected:
  void ask(const EmbeddingRequest& request) {
    answer_ = std::async(std::launch::async, [this, request] { return embed(request, caller_); });
  }
  std::vector<work::Request> take_all(size_t count) {
    std::vector<work::Request> requests;
    for (int tries = 0; tries < 2000 && requests.empty(); ++tries) {
      std::this_thread::sleep_for(milliseconds(1));
      requests = embed_queue_->take_all();
    }
    EXPECT_THAT(requests, SizeIs(count));
    embed_queue_->release_all();
    return requests;
  }
  static void reply(work::Request& request, std::vector<float> values) {
    request.reply.start({.queued = milliseconds(request.prompt.size())});
    request.reply.push(readings_of(std::move(values)));
    request.reply.finish({.prompt_tokens = static_cast<uint32_t>(request.prompt.size()),
                          .prefill = milliseconds(7)});
  }
  std::future<Result<Embeddings>> answer_;
};

TEST_F(EmbeddingTest, VectorsInTheOrderOfTheInputs) {
  ask({.inputs = {"ab", std::vector<int32_t>{1}}});
  auto requests = take_all(2);
  EXPECT_TRUE(std::holds_alternative<work::Reads>(requests[0].params));
  EXPECT_THAT(requests[0].prompt, ElementsAre(kBos, 'a', 'b', kEos));
  reply(requests[1], {0, 1, 0, 0});
  reply(requests[0], {1, 0, 0, 0});
  auto answer = answer_.get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->model, "vectors");
  EXPECT_THAT(answer->vectors, ElementsAre(ElementsAre(1, 0, 0, 0), ElementsAre(0, 1, 0, 0)));
  EXPECT_EQ(answer->usage.prompt_tokens, 5U);
  EXPECT_EQ(answer->usage.completion_tokens, 0U);
  EXPECT_DOUBLE_EQ(answer->usage.queue_ms, 4);
  EXPECT_DOUBLE_EQ(answer->usage.prefill_ms, 7);
  EXPECT_THAT(finished("vectors"), ElementsAre(Pair("stop", 2)));
  EXPECT_EQ(fakes::scraped(metrics_, "weir_prompt_tokens_total{model=\"vectors\"}"), 5);
  EXPECT_EQ(fakes::scraped(metrics_, "weir_request_max_tokens_count{model=\"vectors\"}"), 0);
  EXPECT_EQ(service_->in_flight(), 0U);
}

TEST_F(EmbeddingTest, DimensionsAreCutAndRenormalised) {
  ask({.inputs = {"ab"}, .dimensions = 2});
  auto requests = take_all(1);
  reply(requests[0], {3, 4, 0, 12});
  auto answer = answer_.get();
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->vectors,
              ElementsAre(ElementsAre(FloatNear(0.6F, 1e-7F), FloatNear(0.8F, 1e-7F))));
}

TEST_F(EmbeddingTest, DimensionsBeyondTheModelsAreRefusedBeforeTheWork) {
  auto refused = embed({.inputs = {"ab"}, .dimensions = 5}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "dimensions is 5; this model's vectors have 4");
  EXPECT_EQ(refused.error().param, "dimensions");
  EXPECT_TRUE(embed_queue_->take_all().empty());
}

TEST_F(EmbeddingTest, InputsThatDoNotFitNameTheirPlace) {
  auto refused = embed({.inputs = {"ab", std::string(60, 'x')}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "This model's maximum context length is 40 tokens. However, input[1] has 62 tokens. "
            "(context_length_exceeded)");
  EXPECT_STREQ(refused.error().name, "context_length_exceeded");
  EXPECT_EQ(refused.error().param, "input[1]");
  refused = embed({}, caller_);
  EXPECT_EQ(refused.error().message, "input is empty");
}

TEST_F(EmbeddingTest, AClientThatLeavesCancelsAll) {
  std::atomic<bool> gone = false;
  caller_.gone = [&] { return gone.load(); };
  ask({.inputs = {"ab", "cd"}});
  auto requests = take_all(2);
  gone = true;
  auto answer = answer_.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::cancelled);
  EXPECT_TRUE(requests[0].reply.closed());
  EXPECT_TRUE(requests[1].reply.closed());
  EXPECT_THAT(finished("vectors"), ElementsAre(Pair("abort", 2)));
}

TEST_F(EmbeddingTest, ATimeoutCancelsAll) {
  caller_.timeout = milliseconds(30);
  ask({.inputs = {"ab"}});
  auto requests = take_all(1);
  EXPECT_EQ(requests[0].deadline, clock_.now() + milliseconds(30));
  clock_.advance(milliseconds(30));
  auto answer = answer_.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::deadline);
  EXPECT_TRUE(requests[0].reply.closed());
}

TEST_F(EmbeddingTest, OneErrorFailsAllAndCostsNothing) {
  use_key("limits = [ { unit = \"input_tokens\", cap = 100, window = \"1000000s\" } ]");
  ask({.inputs = {"ab", "cd"}});
  auto requests = take_all(2);
  reply(requests[0], {1, 0, 0, 0});
  requests[1].reply.fail({.code = Code::internal, .message = "broken"});
  auto answer = answer_.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "broken");
  ask({.inputs = {"ab"}});
  requests = take_all(1);
  reply(requests[0], {1, 0, 0, 0});
  ASSERT_TRUE(answer_.get());
  EXPECT_EQ(header("x-ratelimit-remaining-tokens"), "96");
  EXPECT_THAT(caller_.notes.limits, SizeIs(3));
  caller_.notes = {};
  ask({.inputs = {"ab"}});
  requests = take_all(1);
  EXPECT_EQ(header("x-ratelimit-remaining-tokens"), "92");  // 4 of the second, 4 of this one
  requests.clear();
  EXPECT_FALSE(answer_.get());
}

TEST_F(EmbeddingTest, ARowOfNaNIsNamed) {
  ask({.inputs = {"ab", "cd"}});
  auto requests = take_all(2);
  requests[1].reply.fail({.code = Code::internal,
                          .message = "the model gives NaN: number 0 of 4",
                          .name = "model_gives_nan"});
  auto answer = answer_.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "input[1]: the model gives NaN: number 0 of 4");
}

TEST_F(EmbeddingTest, AnswersOfTheWrongKindAreOurFault) {
  ask({.inputs = {"ab"}});
  auto requests = take_all(1);
  requests[0].reply.push(work::Token{3});
  auto answer = answer_.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::internal);
}

}  // namespace
}  // namespace weir::serve
