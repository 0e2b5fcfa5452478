// Random workloads against the scheduler with a model that remembers only what the plans let it:
// every promise is checked after every step, and every text against what the model says alone.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <random>

#include "fakes/fake_clock.h"
#include "fakes/fake_runner.h"
#include "fakes/scraped.h"
#include "schedule/simulated_request.h"
#include "weir/schedule/scheduler.h"

namespace weir::schedule {
namespace {

struct Chances {  // of a request; of a step; of a row
  double cancel = 0, deadline = 0, launch_fault = 0, collect_fault = 0, row_fault = 0,
         logit_fault = 0;
};

struct World {
  ModelSpec spec;
  SchedulerOptions options;
  int depth = 0;
  uint32_t requests = 20;
  Chances chances;
};

class Simulation {
 public:
  Simulation(const World& world, uint64_t seed, const StepSeries& series)
      : world_(world), random_(seed), runner_(world.spec, world.depth) {
    const SchedulerOptions& options = world.options;
    runner_.max_rows = options.max_sequences;
    runner_.max_drafts = options.max_drafts;
    runner_.max_tokens = world.spec.step_tokens(options.max_batch_tokens);
    runner_.faults = {.launch = [this] { return chance(world_.chances.launch_fault); },
                      .collect = [this] { return chance(world_.chances.collect_fault); },
                      .row = [this] { return chance(world_.chances.row_fault); },
                      .logits = [this] { return chance(world_.chances.logit_fault); }};
    scheduler_ =
        std::make_unique<Scheduler>(Scheduler::Parts{runner_, queue_, clock_, series}, options);
  }

  /// Runs until all is answered. The first broken promise, if any.
  std::optional<std::string> run() {
    while (asked_.size() < world_.requests || !all_done()) {
      for (uint32_t burst = pick(0, 4); burst > 0 && asked_.size() < world_.requests; --burst)
        ask();
      for (auto& asked : asked_)
        if (!asked->done() && chance(world_.chances.cancel)) asked->leave();
      scheduler_->step();
      if (++turns_ > most_steps_) return "no end";
      clock_.advance(std::chrono::microseconds(pick(1, 2000)));
      for (auto& asked : asked_) asked->read();
      if (auto broken = broken_now()) return broken;
    }
    for (int i = 0; i <= world_.depth + 1; ++i) scheduler_->step();
    return broken_at_the_end();
  }

  /// Requests that were answered whole, though they have more tokens, or a source of more than half
  /// as many, as the pool has room for.
  size_t longer_than_the_pool() const {
    return static_cast<size_t>(std::ranges::count_if(asked_, [&](const auto& asked) {
      return asked->was_computed() && asked->positions() > room();
    }));
  }
  size_t long_sources() const {
    return static_cast<size_t>(std::ranges::count_if(asked_, [&](const auto& asked) {
      return asked->was_computed() && 2 * asked->source.size() > room();
    }));
  }
  size_t sources_refused() const {
    return static_cast<size_t>(std::ranges::count_if(asked_, [&](const auto& asked) {
      return asked->refused() && asked->source.size() > room() &&
             asked->source.size() <= world_.spec.max_source;
    }));
  }

 private:
  size_t room() const { return size_t{world_.spec.pages} * world_.spec.page_size; }

  bool chance(double probability) {
    return probability > 0 && std::uniform_real_distribution<>()(random_) < probability;
  }

  uint32_t pick(uint32_t least, uint32_t most) {
    return std::uniform_int_distribution<uint32_t>(least, most)(random_);
  }

  std::vector<int32_t> random_prompt() {
    const uint32_t longest = world_.spec.max_tokens;
    const uint32_t length = chance(0.02)  ? longest + 2
                            : chance(0.1) ? pick(1, longest)
                                          : pick(1, std::max(1u, longest / 3));
    std::vector<int32_t> prompt;
    if (!asked_.empty() && chance(0.5)) prompt = asked_[pick(0, asked_.size() - 1)]->prompt;
    prompt.resize(std::min<size_t>(prompt.size(), length));
    while (prompt.size() < length)
      prompt.push_back(static_cast<int32_t>(pick(0, fakes::FakeModel::kVocabulary - 1)));
    return prompt;
  }

  /// Some are longer than half the pool, some than all of it or than the encoder takes.
  std::vector<int32_t> random_source() {
    const uint32_t longest = world_.spec.max_source;
    const uint32_t length = chance(0.02)  ? longest + 1
                            : chance(0.5) ? pick(1, longest)
                                          : pick(1, std::max(1u, longest / 4));
    std::vector<int32_t> source;
    while (source.size() < length)
      source.push_back(static_cast<int32_t>(pick(0, fakes::FakeModel::kVocabulary - 1)));
    return source;
  }

  work::Reads random_reads(size_t prompt) {
    work::Reads reads;
    for (uint32_t head = 0; head < world_.spec.heads.size(); ++head) {
      if (!reads.empty() && chance(0.5)) continue;
      reads.push_back({.head = head, .left_out = pick(0, 2)});
      if (!world_.spec.heads[head].by_token) continue;
      reads.back().tokens.emplace();
      for (uint32_t token = 0; token < prompt; ++token)
        if (chance(0.3)) reads.back().tokens->push_back(token);
    }
    std::shuffle(reads.begin(), reads.end(), random_);
    return reads;
  }

  std::vector<uint8_t> random_types(size_t prompt) {
    std::vector<uint8_t> types;
    if (world_.spec.token_types == 1 || chance(0.5)) return types;
    while (types.size() < prompt)
      types.push_back(static_cast<uint8_t>(pick(0, world_.spec.token_types - 1)));
    return types;
  }

  work::TaskParams random_params(size_t prompt) {
    if (!world_.spec.generates()) return random_reads(prompt);
    work::SamplingParams params;
    params.seed = random_();
    params.max_tokens = pick(chance(0.1) ? 0 : 1, chance(0.3) ? 40 : 8);
    params.min_tokens = chance(0.3) ? pick(0, params.max_tokens) : 0;
    if (chance(0.7)) params.stop_tokens = {3, 11};
    if (chance(0.2)) params.logprobs = 1;
    if (chance(0.2) && !world_.spec.memory.source) params.prompt_logprobs = 1;
    if (chance(0.2)) params.presence_penalty = 1;  // draws that read the history
    return params;
  }

  void ask() {
    auto asked = std::make_unique<SimulatedRequest>();
    asked->prompt = random_prompt();
    if (world_.spec.memory.source) asked->source = random_source();
    asked->params = random_params(asked->prompt.size());
    asked->types = random_types(asked->prompt.size());
    asked->priority = chance(0.2) ? static_cast<int>(pick(4, 6)) : 5;
    asked->has_deadline = chance(world_.chances.deadline);
    if (asked->prompt.size() + world_.spec.generates() <= world_.spec.max_tokens &&
        asked->source.size() <= world_.spec.max_source)
      asked->id = ++last_id_;
    auto [reply, reader] = work::make_reply();
    asked->reader = std::move(reader);
    asked->first_id = asked->id;
    asked->seats = world_.options.max_sequences;
    std::vector<work::Request> requests(1);
    work::Request& request = requests.front();
    request.source = asked->source;
    request.prompt = asked->prompt;
    request.types = asked->types;
    request.reply = std::move(reply);
    request.cache_scope = chance(0.2) ? "other" : "";
    request.priority = asked->priority;
    request.client = asked->client = clients_.at(pick(0, pick(0, 3)));
    request.weight = request.client == "b" ? 3.0F : 1.0F;
    request.arrival = clock_.now();
    if (asked->has_deadline) request.deadline = clock_.now() + std::chrono::milliseconds(3);
    auto branches = random_branches(*asked, request);
    request.params = asked->params;
    most_steps_ += (1 + branches.size()) * 4 * (asked->source.size() + asked->prompt.size() + 60);
    asked_.push_back(std::move(asked));
    for (auto& branch : branches) asked_.push_back(std::move(branch));
    ASSERT_TRUE(queue_.push(requests));
  }

  /// Further completions of the prompt.
  std::vector<std::unique_ptr<SimulatedRequest>> random_branches(SimulatedRequest& first,
                                                                 work::Request& request) {
    std::vector<std::unique_ptr<SimulatedRequest>> branches;
    const bool shares = world_.spec.generates() && world_.spec.prompt == Prompt::chunked &&
                        !world_.spec.memory.slot;
    if (!shares || !chance(0.3)) return branches;
    auto& params = std::get<work::SamplingParams>(first.params);
    if (chance(0.5)) search(params);
    const uint32_t count = params.beams ? params.beams->returned - 1 : pick(1, 5);
    first.in_group = params.beams ? params.beams->beams : 1 + count;
    if (first.in_group > first.seats && first.id > 0) {
      first.first_id = first.id = 0;
      --last_id_;
    }
    const SequenceId others = first.id;
    if (params.beams && first.id > 0) last_id_ += first.in_group - 1;
    if (world_.chances.cancel > 0) params.prompt_logprobs.reset();  // else whose would they be?
    for (uint32_t i = 0; i < count; ++i) {
      auto branch = std::make_unique<SimulatedRequest>();
      branch->source = first.source;
      branch->prompt = first.prompt;
      branch->params = params;
      auto& own = std::get<work::SamplingParams>(branch->params);
      own.seed = random_();
      own.prompt_logprobs.reset();
      branch->priority = first.priority;
      branch->client = first.client;
      branch->has_deadline = first.has_deadline;
      branch->in_group = first.in_group;
      branch->seats = first.seats;
      branch->first_id = first.id;
      branch->place = i + 1;
      branch->id = params.beams || others == 0 ? others : ++last_id_;
      auto [reply, reader] = work::make_reply();
      branch->reader = std::move(reader);
      request.branches.push_back({.seed = own.seed, .reply = std::move(reply)});
      branches.push_back(std::move(branch));
    }
    return branches;
  }

  /// A beam search in place of draws.
  void search(work::SamplingParams& params) {
    params = {.max_tokens = params.max_tokens,
              .min_tokens = params.min_tokens,
              .stop_tokens = params.stop_tokens};
    work::Beams& beams = params.beams.emplace();
    beams.beams = pick(2, 5);
    beams.returned = pick(1, beams.beams);
    beams.length_penalty = chance(0.5) ? 1.0F : static_cast<float>(pick(0, 4)) / 2 - 0.5F;
    beams.early_stopping = static_cast<work::Beams::Stopping>(pick(0, 2));
    beams.no_repeat_ngram = chance(0.3) ? pick(2, 3) : 0;
  }

  bool all_done() const {
    return std::all_of(asked_.begin(), asked_.end(),
                       [](const auto& asked) { return asked->done(); });
  }

  std::optional<std::string> broken_now() {
    if (!runner_.violations.empty()) return runner_.violations.front();
    if (auto books = scheduler_->audit(); !books) return books.error().message;
    const auto load = scheduler_->load();
    if (load.running > world_.options.max_sequences) return "too many run";
    if (load.waiting + load.running != scheduler_->started() + queue_.waiting())
      return "started and held do not add up";
    if (scheduler_->idle() && !all_done()) return "a request was lost";
    return std::nullopt;
  }

  std::optional<std::string> broken_at_the_end() {
    if (!scheduler_->idle()) return "not idle though all is answered";
    if (auto broken = broken_now()) return broken;
    if (!queue_.room_for({clients_[0]}, kQueue)) return "the queue counts what nobody waits for";
    std::map<SequenceId, std::pair<std::string, int>> lines;
    for (size_t i = 0; i < asked_.size(); ++i) {
      const SimulatedRequest& asked = *asked_[i];
      if (asked.id == asked.first_id) lines[asked.id] = {asked.client, asked.priority};
      bool failed = false;  // whoever takes the place of one that is left has its number
      for (size_t member = 0; member < asked.in_group; ++member)
        failed = failed || runner_.failed.contains(asked.first_id + member);
      if (auto wrong = asked.wrong(world_.spec, failed))
        return "request " + std::to_string(i) + ": " + *wrong;
    }
    std::map<std::pair<std::string, int>, SequenceId> last;
    for (SequenceId id : runner_.first_rows)
      if (lines.contains(id) && std::exchange(last[lines[id]], id) > id)
        return "one overtook its client's other";
    return std::nullopt;
  }

  static constexpr size_t kQueue = size_t{1} << 22;

  const World world_;
  std::mt19937_64 random_;
  fakes::FakeClock clock_;
  fakes::FakeRunner runner_;
  work::WorkQueue queue_{{kQueue, kQueue}, nullptr};
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<std::unique_ptr<SimulatedRequest>> asked_;
  const std::vector<std::string> clients_{"a", "b", "c", "d"};
  SequenceId last_id_ = 0;
  size_t turns_ = 0, most_steps_ = 100;  // far above what any order of work needs
};

struct Kind {
  const char* name;
  Prompt prompt;
  Memory memory;
  bool generates;
  bool several = false;  // heads, one of them by token, and token types
  bool windowed = false;

  std::vector<HeadSpec> heads() const {
    if (several) return {HeadSpec{}, HeadSpec{.by_token = true}, HeadSpec{}};
    return {HeadSpec{.draws = generates}};
  }
};

const Kind kKinds[] = {
    {"Encoder", Prompt::whole, {}, false},
    {"EncoderOfSeveralHeads", Prompt::whole, {}, false, true},
    {"Decoder", Prompt::chunked, {.pages = true}, true},
    {"DecoderOfWholePrompts", Prompt::whole, {.pages = true}, true},
    {"EmbeddingDecoder", Prompt::chunked, {.pages = true}, false},
    {"EmbeddingDecoderOfWholePrompts", Prompt::whole, {.pages = true}, false},
    {"EncoderDecoder", Prompt::chunked, {.pages = true, .source = true}, true},
    {"EncoderDecoderWithSlot",
     Prompt::chunked,
     {.pages = true, .source = true, .slot = true},
     true},
    {"EmbeddingEncoderDecoder", Prompt::chunked, {.pages = true, .source = true}, false},
    {"Windowed", Prompt::chunked, {.pages = true}, true, false, true},
    {"WindowedEmbedding", Prompt::chunked, {.pages = true}, false, false, true},
    {"WindowedHybrid", Prompt::chunked, {.pages = true, .slot = true}, true, false, true},
    {"WindowedEncoderDecoder", Prompt::chunked, {.pages = true, .source = true}, true, false, true},
    {"Recurrent", Prompt::chunked, {.slot = true}, true},
    {"RecurrentOfWholePrompts", Prompt::whole, {.slot = true}, true},
    {"RecurrentEmbedding", Prompt::chunked, {.slot = true}, false},
    {"Hybrid", Prompt::chunked, {.pages = true, .slot = true}, true},
    {"HybridOfWholePrompts", Prompt::whole, {.pages = true, .slot = true}, true},
};

class SimulationTest : public testing::TestWithParam<std::tuple<Kind, int>> {
 protected:
  World random_world(uint64_t seed) const {
    std::mt19937_64 random(seed);
    auto pick = [&](uint32_t least, uint32_t most) {
      return std::uniform_int_distribution<uint32_t>(least, most)(random);
    };
    const auto& [kind, depth] = GetParam();
    World world{.depth = depth};
    world.spec = {.prompt = kind.prompt,
                  .memory = kind.memory,
                  .heads = kind.heads(),
                  .vocabulary = fakes::FakeModel::kVocabulary,
                  .token_types = kind.several ? 3U : 1U};
    world.spec.max_tokens = pick(8, 64);
    world.spec.page_size = pick(1, 8);
    if (kind.memory.pages) world.spec.pages = pick(1, pick(0, 3) == 0 ? 200 : 24);
    if (kind.memory.source)
      world.spec.max_source = pick(1, world.spec.pages * world.spec.page_size * 3 / 2 + 1);
    if (kind.memory.slot) world.spec.slots = pick(1, 6);
    if (kind.windowed) {
      world.spec.max_tokens *= pick(1, 4);
      world.spec.window = pick(1, pick(0, 3) == 0 ? world.spec.max_tokens - 1 : 20);
    }
    world.options.max_sequences = pick(1, 12);
    world.options.max_batch_tokens = pick(1, 60);
    world.options.max_chunk_tokens = pick(1, 30);
    world.options.prefix_cache = pick(0, 3) > 0;
    world.options.max_drafts = pick(0, 1) * pick(1, 12);
    world.requests = pick(1, 40);
    if (pick(0, 1) == 1)
      world.chances = {.cancel = 0.01,
                       .deadline = 0.2,
                       .launch_fault = 0.005,
                       .collect_fault = 0.005,
                       .row_fault = 0.002,
                       .logit_fault = 0.002};
    return world;
  }
};

/// Seeds of each kind of model; `scripts/test --all` sets the variable.
uint64_t seeds() { return std::getenv("WEIR_FULL_TESTS") ? 500 : 50; }

TEST_P(SimulationTest, KeepsEveryPromise) {
  Registry metrics;
  const StepSeries series{metrics, {{"model", "m"}}};
  double outgrown = 0, long_sources = 0, sources_refused = 0;
  for (uint64_t seed = 0; seed < seeds(); ++seed) {
    Simulation simulation(random_world(seed), seed, series);
    const auto broken = simulation.run();
    ASSERT_FALSE(broken) << *broken << ", seed " << seed;
    outgrown += static_cast<double>(simulation.longer_than_the_pool());
    long_sources += static_cast<double>(simulation.long_sources());
    sources_refused += static_cast<double>(simulation.sources_refused());
  }
  const auto count = [&](const std::string& name) {
    return fakes::scraped(metrics, name + "{model=\"m\"}").value();
  };
  const double drafts = count("weir_draft_tokens_total");
  const double came_true = count("weir_draft_tokens_accepted_total");
  const Kind& kind = std::get<0>(GetParam());
  // Fewer than this, and the promises were hardly tried.
  const double some = static_cast<double>(seeds()) / 25;
  EXPECT_EQ(count("weir_preemptions_total") > some, kind.generates);
  if (kind.memory.pages) {
    EXPECT_EQ(outgrown > some, kind.windowed) << outgrown;
  }
  EXPECT_EQ(long_sources > some, kind.memory.source) << long_sources;
  EXPECT_EQ(sources_refused > some, kind.memory.source) << sources_refused;
  const bool shares =
      kind.prompt == Prompt::chunked && kind.generates && !kind.memory.slot && !kind.memory.source;
  EXPECT_EQ(count("weir_prefix_cache_hit_tokens_total") > 5 * some, shares);
  const bool guesses =
      std::get<1>(GetParam()) == 0 && kind.generates && kind.memory.pages && !kind.memory.slot;
  EXPECT_EQ(came_true > some, guesses);
  EXPECT_EQ(drafts - came_true > some, guesses);
}

INSTANTIATE_TEST_SUITE_P(All, SimulationTest,
                         testing::Combine(testing::ValuesIn(kKinds), testing::Values(0, 1, 2)),
                         [](const auto& instance) {
                           return std::string(std::get<0>(instance.param).name) + "AtDepth" +
                                  std::to_string(std::get<1>(instance.param));
                         });

}  // namespace
}  // namespace weir::schedule
