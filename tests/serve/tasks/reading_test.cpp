#include <future>

#include "../served.h"
#include "serve/tasks/windows.h"

namespace weir::serve {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Text text(std::string words) { return {.text = std::move(words)}; }

/// An encoder of bytes with three heads, whose scheduler the test plays.
class ReadingTest : public ServedTest {
 protected:
  void SetUp() override {
    encoder_.loaded.heads = {
        {.task = HeadTask::embed},
        {.task = HeadTask::classify, .labels = {"bad", "good"}},
        {.task = HeadTask::tag, .labels = {"O", "B-X", "I-X"}},
    };
    serve_with({});
  }
  void serve_with(ServiceOptions options) {
    embed_queue_ = std::make_shared<work::WorkQueue>(work::WorkQueue::Limits{}, nullptr);
    service_ = make_service(
        options, {gate_, metrics_, clock_, nullptr}, traffic::KeyStore::open(),
        {{.name = "vectors", .tasks = Tasks(encoder_.loaded.heads), .queue = embed_queue_}});
    service_->mark_ready("vectors", encoder_.loaded);
    caller_ = caller();
  }

  std::unique_ptr<Generation> begin(Options options, std::vector<Input> inputs) {
    auto started = service_->start(
        {.model = {}, .inputs = std::move(inputs), .options = std::move(options)}, caller_);
    EXPECT_TRUE(started) << started.error().message;
    return started ? *std::move(started) : nullptr;
  }
  std::string refusal(Options options, std::vector<Input> inputs) {
    auto started = service_->start(
        {.model = {}, .inputs = std::move(inputs), .options = std::move(options)}, caller_);
    return started ? "accepted" : started.error().message + " @" + started.error().param;
  }
  std::vector<work::Request> take_all() {
    auto requests = embed_queue_->take_all();
    embed_queue_->release_all();
    return requests;
  }
  static const work::Reads& reads_of(const work::Request& request) {
    return std::get<work::Reads>(request.params);
  }
  static void reply(work::Request& request, std::vector<work::Numbers> heads) {
    request.reply.start({});
    request.reply.push(work::Readings{.heads = std::move(heads)});
    request.reply.finish({.prompt_tokens = static_cast<uint32_t>(request.prompt.size())});
  }
  Answers answers(Generation& generation) {
    auto answers = wait_for_answers(generation, nullptr);
    EXPECT_TRUE(answers) << answers.error().message;
    return answers ? **answers : Answers{};
  }
  /// A line of logits for each token that is read: "X" begins a span, "Y" goes on.
  static work::Numbers tagged(const work::Request& request, size_t head) {
    work::Numbers numbers{.columns = 3, .values = {}};
    for (uint32_t token : *reads_of(request).at(head).tokens) {
      const int32_t byte = request.prompt[token];
      const float begins = byte == 'X' ? 9.0F : 0.0F, goes_on = byte == 'Y' ? 9.0F : 0.0F;
      numbers.values.insert(numbers.values.end(), {5.0F, begins, goes_on});
    }
    return numbers;
  }
};

TEST_F(ReadingTest, LabelsBySoftmaxFalling) {
  auto generation = begin(Classify{}, {text("ab"), text("c")});
  auto requests = take_all();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(reads_of(requests[0]).at(0).head, 1U);
  reply(requests[1], {{.columns = 2, .values = {1, 0}}});
  EXPECT_FALSE(*generation->next(milliseconds(0)));
  reply(requests[0], {{.columns = 2, .values = {0, std::log(3.0F)}}});
  const Answers all = answers(*generation);
  const auto& first = std::get<ScoredLabels>(all.at(0));
  EXPECT_EQ(first[0].name, "good");
  EXPECT_THAT(first[0].score, DoubleNear(0.75, 1e-6));
  EXPECT_EQ(std::get<ScoredLabels>(all.at(1))[0].name, "bad");
  EXPECT_EQ(generation->usage().prompt_tokens, 4U + 3U);
  EXPECT_TRUE(generation->done());
}

TEST_F(ReadingTest, LabelsAsTheirHeadAndTheRequestSay) {
  const auto labels = [&](const Classify& asked, std::vector<float> values) {
    auto generation = begin(asked, {text("a")});
    reply(take_all().at(0), {{.columns = 2, .values = std::move(values)}});
    return std::get<ScoredLabels>(answers(*generation).at(0));
  };
  EXPECT_THAT(labels({.top_k = 1}, {0, 1}), SizeIs(1));
  EXPECT_EQ(labels({.raw_scores = true}, {3, -4})[1].score, -4);
  encoder_.loaded.heads[1].scores = folder::HeadCard::Scores::sigmoid;
  serve_with({});
  EXPECT_THAT(labels({}, {0, 0})[0].score, DoubleNear(0.5, 1e-9));
  encoder_.loaded.heads[1].scores = folder::HeadCard::Scores::number;
  encoder_.loaded.heads[1].labels = {};
  serve_with({});
  const ScoredLabels number = labels({}, {2.5});
  EXPECT_EQ(number[0].score, 2.5);
  EXPECT_EQ(number[0].name, "LABEL_0");
}

TEST_F(ReadingTest, OneRowAnswersSeveralTasks) {
  auto generation =
      begin(Analyze{.embed = Embed{.dimensions = 2}, .classify = Classify{}, .tag = Tag{}},
            {text("say XY")});
  auto requests = take_all();
  ASSERT_THAT(requests, SizeIs(1));
  const work::Reads& reads = reads_of(requests[0]);
  ASSERT_THAT(reads, SizeIs(3));
  EXPECT_THAT((std::vector<uint32_t>{reads[0].head, reads[1].head, reads[2].head}),
              ElementsAre(2, 1, 0));
  reply(requests[0], {tagged(requests[0], 0),
                      {.columns = 2, .values = {0, 5}},
                      {.columns = 4, .values = {3, 4, 0, 0}}});
  const Answers all = answers(*generation);
  const auto& analysis = std::get<Analysis>(all.at(0));
  ASSERT_THAT(*analysis.spans, SizeIs(1));
  EXPECT_EQ(analysis.spans->front().text, "XY");
  EXPECT_EQ(analysis.spans->front().begin, 4U);
  EXPECT_EQ(analysis.labels->front().name, "good");
  EXPECT_THAT(*analysis.vector, ElementsAre(0.6F, 0.8F));
  EXPECT_EQ(generation->usage().prompt_tokens, 8U);
}

TEST_F(ReadingTest, ATextThatIsTooLongIsTaggedInWindows) {
  std::string words;
  for (int i = 0; i < 30; ++i) words += "ab XY ";  // 180 tokens; the model takes 40
  auto generation = begin(Tag{}, {text("XY"), text(words)});
  auto requests = take_all();
  EXPECT_GT(requests.size(), 5U);
  size_t tokens = 0;
  for (work::Request& request : requests) {
    EXPECT_LE(request.prompt.size(), 40U);
    tokens += request.prompt.size();
    reply(request, {tagged(request, 0)});
  }
  const Answers all = answers(*generation);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_THAT(std::get<Spans>(all[0]), SizeIs(1));
  const auto& spans = std::get<Spans>(all[1]);
  ASSERT_THAT(spans, SizeIs(30));
  for (size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(spans[i].begin, 6 * i + 3);
    EXPECT_EQ(spans[i].text, "XY");
  }
  EXPECT_EQ(generation->usage().prompt_tokens, tokens);
  auto cut = begin(Tag{.truncate = true}, {text(words)});
  EXPECT_THAT(take_all(), SizeIs(1));
}

TEST_F(ReadingTest, WhatCannotBeAskedIsNamed) {
  const Text pair{.text = "a", .pair = "b"};
  EXPECT_EQ(refusal(Tag{}, {pair}), "input is no single text; spans are those of a text @input");
  EXPECT_EQ(refusal(Tag{}, {text("a"), text("")}), "input[1] is empty @input[1]");
  EXPECT_EQ(refusal(Classify{}, {text("")}), "input is empty @input");
  EXPECT_EQ(refusal(Classify{}, {Text{.text = "", .pair = ""}}), "input is empty @input");
  EXPECT_EQ(refusal(Classify{}, {Text{.text = "a", .pair = ""}}), "accepted");
  EXPECT_EQ(refusal(Classify{}, {Text{.text = "", .pair = "a"}}), "accepted");
  EXPECT_EQ(refusal(Analyze{}, {text("a")}), "tasks names none of embed, classify, tag @tasks");
  EXPECT_EQ(refusal(Analyze{.embed = Embed{.dimensions = 9}}, {text("a")}),
            "dimensions is 9; this model's vectors have 4 @tasks.embed.dimensions");
  EXPECT_EQ(refusal(Analyze{.tag = Tag{}}, {text(std::string(50, 'x'))}),
            "This model's maximum context length is 40 tokens. However, input has more; "
            "\"truncate\": true cuts it, and /v1/tag reads it in windows. "
            "(context_length_exceeded) @input");
  EXPECT_THAT(refusal(Tag{}, {text(std::string(20'000, 'x'))}), testing::HasSubstr("256 windows"));
  encoder_.loaded.text.prompt.text = "query: ";
  serve_with({});
  EXPECT_THAT(refusal(Analyze{.embed = Embed{}}, {text("a")}), testing::HasSubstr("puts a prompt"));
  EXPECT_EQ(refusal(Analyze{.tag = Tag{}}, {text("a")}), "accepted");
  encoder_.loaded.heads.pop_back();
  serve_with({});
  EXPECT_EQ(refusal(Tag{}, {text("a")}), "no model that tags words is served @model");
}

TEST_F(ReadingTest, ADryRunHasOneEntryForEachInput) {
  const auto prompts = [&](Options options, std::vector<Input> inputs) {
    auto dry = service_->dry_run(
        {.model = {}, .inputs = std::move(inputs), .options = std::move(options)}, caller_);
    EXPECT_TRUE(dry) << dry.error().message;
    return dry ? dry->prompts : std::vector<DryRun::Prompt>{};
  };
  const auto pairs = prompts(Classify{}, {Text{.text = "a", .pair = "b"}, text("c")});
  ASSERT_THAT(pairs, SizeIs(2));
  EXPECT_EQ(pairs[0].text, "a");
  EXPECT_EQ(pairs[0].pair, "b");
  EXPECT_EQ(pairs[1].text, "c");
  EXPECT_EQ(pairs[1].pair, std::nullopt);
  std::string words;
  for (int i = 0; i < 30; ++i) words += "ab XY ";  // more than one window
  const auto tagged = prompts(Tag{}, {text(words), text("XY")});
  ASSERT_THAT(tagged, SizeIs(2));
  EXPECT_EQ(tagged[0].text, words);
  EXPECT_GT(tagged[0].tokens.ids.size(), words.size());
  EXPECT_EQ(tagged[1].text, "XY");
  EXPECT_THAT(tagged[1].tokens.ids, ElementsAre(kBos, 'X', 'Y', kEos));
}

TEST_F(ReadingTest, ATaggerOfAnotherWidthIsOurFault) {
  auto generation = begin(Tag{}, {text("ab")});
  reply(take_all().at(0), {{.columns = 2, .values = {1, 2, 3, 4}}});
  auto refused = wait_for_answers(*generation, nullptr);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::internal);
}

TEST_F(ReadingTest, SpansAreCachedByTextNotByTokens) {
  serve_with({.response_cache = 1 << 20});
  const auto ask = [&](const std::string& words, bool hit) {
    auto generation = begin(Tag{}, {text(words)});
    auto requests = take_all();
    EXPECT_THAT(requests, SizeIs(hit ? 0 : 1));
    for (work::Request& request : requests) reply(request, {tagged(request, 0)});
    return std::get<Spans>(answers(*generation).at(0));
  };
  const Spans first = ask("a X", false), again = ask("a X", true);
  EXPECT_EQ(first, again);
  EXPECT_EQ(header("x-weir-cache"), "hit");
  EXPECT_THAT(ask("b X", false), SizeIs(1));
  const auto classify = begin(Classify{}, {text("a X")});
  EXPECT_EQ(header("x-weir-cache"), "miss");  // another task of the same tokens
}

TEST_F(ReadingTest, AnalysesAreCachedByTheOptionsOfEachTask) {
  serve_with({.response_cache = 1 << 20});
  const auto cached = [&](const Analyze& asked) {
    auto generation = begin(asked, {text("a X")});
    for (work::Request& request : take_all()) {
      std::vector<work::Numbers> heads{tagged(request, 0)};
      if (asked.embed) heads.push_back({.columns = 4, .values = {3, 4, 0, 0}});
      reply(request, std::move(heads));
    }
    answers(*generation);
    return header("x-weir-cache");
  };
  EXPECT_EQ(cached({.tag = Tag{}}), "miss");
  EXPECT_EQ(cached({.tag = Tag{}}), "hit");
  EXPECT_EQ(cached({.tag = Tag{.aggregation = Aggregation::none}}), "miss");
  EXPECT_EQ(cached({.embed = Embed{}, .tag = Tag{}}), "miss");
  EXPECT_EQ(cached({.embed = Embed{.dimensions = 2}, .tag = Tag{}}), "miss");
  EXPECT_EQ(cached({.embed = Embed{.dimensions = 2}, .tag = Tag{}}), "hit");
}

TEST(PairsToRead, TheLongerTextIsCut) {
  const ByteEncoder encoder;
  const auto read = [&](const Text& pair, std::optional<uint32_t> tokens) {
    const Input input = pair;
    const Truncation truncation{.tokens = tokens};
    auto typed =
        tokens_to_read(encoder.loaded, {.input = input, .truncation = truncation, .name = "input"});
    EXPECT_TRUE(typed) << typed.error().message;
    return typed ? typed->ids : std::vector<int32_t>{};
  };
  const Text pair{.text = "abcdef", .pair = "xyz"};  // <bos>abcdef<eos>xyz
  EXPECT_THAT(read(pair, std::nullopt), SizeIs(11));
  EXPECT_THAT(read(pair, 8), ElementsAre(kBos, 'a', 'b', 'c', kEos, 'x', 'y', 'z'));
  EXPECT_THAT(read(pair, 6), ElementsAre(kBos, 'a', 'b', kEos, 'x', 'y'));
  EXPECT_THAT(read(pair, 5), ElementsAre(kBos, 'a', 'b', kEos, 'x'));
}

}  // namespace
}  // namespace weir::serve
