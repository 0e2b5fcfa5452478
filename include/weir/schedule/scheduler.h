#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "weir/base/clock.h"
#include "weir/schedule/options.h"
#include "weir/schedule/plan.h"
#include "weir/schedule/policy.h"
#include "weir/schedule/sequence.h"
#include "weir/schedule/step_series.h"
#include "weir/work/work_queue.h"

namespace weir::schedule {

class ModelMemory;
class Outlooks;
class PromptWork;
class WaitingRoom;

/// Is what a model says of itself consistent? Errors: invalid_argument.
Result<void> check_spec(const ModelSpec& spec);

/// Continuous batching for one model: takes requests from its queue, makes the rows of each step,
/// answers. Step thread only. When it dies, whatever is unfinished is answered unavailable and
/// steps in flight are collected.
class Scheduler {
 public:
  /// All outlive the scheduler. REQUIRES: check_spec(runner.spec()).
  struct Parts {
    Runner& runner;
    work::WorkQueue& queue;
    const Clock& clock;
    const StepSeries& series;
  };
  struct Load {
    uint32_t waiting = 0, running = 0;
    double memory_usage = 0;  // 0 to 1, of pages
  };

  /// Without a `policy`: FairSharePolicy in the queue's order of service.
  Scheduler(Parts parts, const SchedulerOptions& options, std::unique_ptr<Policy> policy = nullptr);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void step();

  bool idle() const;
  Load load() const;
  /// Sequences that had a row and have no answer yet; the queue counts the others as held. May be
  /// called from any thread; read the queue first, so that none is missed on its way from there to
  /// here.
  size_t started() const { return started_.load(); }
  /// What was computed so far. May be called from any thread.
  struct Computed {
    uint64_t prompt_tokens = 0;      // of sources, too; computed anew ones count again
    uint64_t completion_tokens = 0;  // that were drawn
    double memory_usage = 0;         // now; 0 to 1, of pages
  };
  Computed computed() const {
    return {prompt_tokens_.load(), completion_tokens_.load(), memory_usage_.load()};
  }

  /// Checks the books of the memory; when idle also that nobody holds anything. Errors: internal.
  Result<void> audit() const;

 private:
  /// A plan with what must live until it is collected.
  struct Step {
    StepPlan plan;
    std::vector<Sequence*> owners;          // of the rows
    std::vector<std::vector<PageId>> kept;  // page numbers that rows in flight point to
    double prompt_room = 0;                 // work that prompts may still take
    double short_room = 0;                  // of it, only short ones
    uint32_t allotted = 0;                  // tokens of prompts and sources; not rows yet
    uint32_t decodes = 0;                   // rows that decode
    uint32_t drafts = 0, came_true = 0;     // guesses in the rows
    uint32_t scores = 0;                    // tokens of prompts that are scored in the rows
    double prompt_work = 0;                 // of the rows
    uint32_t prompt_tokens = 0;             // in the rows, with those of sources
    TimePoint launched;
    double took = 0;  // seconds
  };
  using Sequences = std::vector<std::unique_ptr<Sequence>>;
  enum class Shares : uint8_t {
    parts,
    all
  };  // of the room for prompts: each its part; what is left

  void take_new();
  void take(work::Request request);
  void shed();
  void drop_closed();
  void seat_the_light();
  void plan_decodes(Step& step);
  void plan_prompts(Step& step);
  void plan_drafts(Step& step);
  void admit_waiting(Step& step, Shares shares);
  static size_t seats_of(const work::Request& request);
  Result<void> check_seats(const work::Request& request) const;
  bool is_left(Sequence& sequence);
  bool launch(std::unique_ptr<Step> step);  // false: nothing was launched
  void settle();                            // the oldest step in flight
  void report();
  void publish();

  std::unique_ptr<Step> new_step();
  void recycle(std::unique_ptr<Step> step);
  PromptWork prompt_cost(const Step& step) const;
  double room(const Sequence& sequence, const Step& step, Shares shares) const;
  uint32_t share(const Sequence& sequence, const Step& step, Shares shares) const;
  void allot(Sequence& sequence, Step& step, Shares shares);
  void add_row(Step& step, Sequence& sequence, uint32_t tokens);
  bool guesses(const Step& step) const;  // does each of its rows' sequences?
  uint32_t add_drafts(Step& step, size_t row, double cost, uint32_t most);  // how many
  static void score(const Sequence& sequence, Row& row);
  void begin(Sequence& sequence);
  void tell_start(Sequence& sequence) const;
  void fork(Sequence& sequence);
  void fork_member(Sequence& sequence, work::Branch branch, SequenceId id);
  void begin_search(Sequence& sequence);
  void settle_beam(Sequence& sequence, work::Token token);
  /// A beam that runs on: what it continues, and the sequence in which it does.
  struct Beam {
    const Sequence* parent = nullptr;
    std::vector<int32_t> text;
    Sequence* at = nullptr;
  };
  void advance(Group& group);
  void move_beams(Group& group, std::vector<Beam>& beams);
  void finish_search(Group& group);
  void lose_beam(size_t index);
  void break_search(const Sequence& lost);
  void end_broken();
  void end_members(Group& group);
  static size_t seats_kept(const Group& group);
  std::unique_ptr<Sequence> twin_of(const Sequence& sequence, SequenceId id) const;
  Sequence& add_member(std::unique_ptr<Sequence> member, const Sequence& of);
  size_t free_seats() const;
  static void unplan(const Row& row, Sequence& sequence);
  bool make_room(Sequence& sequence, uint32_t end);
  void preempt(size_t index);
  Sequence* next_waiting();
  bool admit(Sequence& sequence);
  void enter_running(Sequence& sequence);
  void insert_running(std::unique_ptr<Sequence> sequence);
  void release(Sequence& sequence);

  Result<std::vector<work::Output>> collect(Step& step);
  void learn(const Step& step);
  void fail_row(Sequence& sequence, const Error& error);   // what its row computed is not there
  void fail_copies(const Step& step, const Error& error);  // whose pages the step was to copy
  void settle_rows(Step& step, std::span<work::Output> outputs);
  void settle_scores(const Row& row, Sequence& sequence, std::span<work::Output> outputs);
  void settle_row(Step& step, const Row& row, Sequence& sequence, std::span<work::Output> outputs);
  void settle_output(const Row& row, Sequence& sequence, work::Output& output, bool more);
  void settle_token(Sequence& sequence, work::Token token, bool more);
  void finish(Sequence& sequence, work::Finish finish);
  void fail(Sequence& sequence, Error error);
  static void answer_all(Sequence& sequence, const Error& error);
  void end(Sequence& sequence);
  void leave_queue(Sequence& sequence);
  void sweep();

  Runner& runner_;
  work::WorkQueue& queue_;
  const Clock& clock_;
  const StepSeries& series_;
  const ModelSpec spec_;
  const size_t depth_;
  const SchedulerOptions options_;
  const std::unique_ptr<Policy> policy_;
  const std::unique_ptr<ModelMemory> memory_;
  const std::unique_ptr<WaitingRoom> waiting_;
  const std::unique_ptr<Outlooks> outlooks_;

  Sequences running_;  // in order of rank: the last loses its memory first
  Sequences leaving_;  // ended; until no row of theirs is in flight
  std::deque<std::unique_ptr<Step>> in_flight_;
  std::vector<std::unique_ptr<Step>> spare_;
  std::vector<std::vector<PageId>> dropped_;    // page numbers that nobody points to
  std::vector<Sequence*> prompts_;              // of the step that is being planned
  std::vector<std::shared_ptr<Group>> broken_;  // searches that lost a beam in this step

  SequenceId next_id_ = 1;
  TimePoint now_;  // of this step
  TimePoint last_collected_, last_load_, last_outlook_;
  std::atomic<size_t> started_ = 0;
  std::atomic<uint64_t> prompt_tokens_ = 0, completion_tokens_ = 0;  // see computed()
  std::atomic<double> memory_usage_ = 0;
  size_t unborn_ = 0;           // members of groups that run and are not forked yet
  uint32_t undrafted_ = 0;      // steps since one with drafts
  size_t first_drafted_ = 0;    // row that guessed first in the last of them
  bool memory_short_ = false;   // somebody lost its memory in this step
  bool memory_wanted_ = false;  // the next one did not find its memory
  bool any_ended_ = false;
};

}  // namespace weir::schedule
