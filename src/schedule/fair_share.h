#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "weir/schedule/options.h"
#include "weir/schedule/policy.h"

namespace weir::schedule {

struct ById {
  bool operator()(const Sequence* a, const Sequence* b) const { return a->id < b->id; }
};

/// What the policy knows of a client.
struct ClientShare {
  std::string name;
  uint64_t order = 0;  // of arrival
  double weight = 1;
  double counter = 0;  // tokens served, weighed, by weight
  struct Line {
    std::set<Sequence*, ById> waiting;
    double key = 0;  // at most the counter: where the client stands in its class
  };
  std::array<Line, 10> lines;  // by priority class
  std::set<Sequence*, ById> running;
  uint32_t waiting = 0;
  uint64_t step = 0;  // to which `taken` belongs
  double taken = 0;   // of the room for prompts
};

/// Virtual token counters (Sheng et al., OSDI 2024, algorithm 2): the higher class first, then the
/// client that was served least for its weight, then first come first served. A prompt counts when
/// it is admitted (1 a token, cached ones a tenth), a completion as its tokens are planned (2
/// each). Who comes to an empty line of its own is lifted to the least of those who wait, or to the
/// last who waited: idle time is no claim. Work done again after a preemption counts once.
///
/// Seats and memory: the k-th sequence of a client stands behind every other client's k-1st, so a
/// crowd loses its last ones first. A client that runs nothing takes the seat of one that has two
/// or more for its weight; one that has some, while another has more than twice as many as it would
/// then have: seats do not go back and forth.
///
/// A step's room for prompts is shared by weight between the clients of a class that want it, at
/// least a quarter each, in order of rank, so that many short prompts do not all finish last.
///
/// Costs: a counter for each token; a look at who waits, O(log clients) and at most one move for
/// each client that was served since the last; O(log waiting) for each coming and going.
class FairSharePolicy final : public Policy {
 public:
  explicit FairSharePolicy(const SchedulerOptions& options) : options_(options) {}

  void enter(Sequence& sequence) override;
  void leave(Sequence& sequence) override;
  void admit(Sequence& sequence) override;
  void stop(Sequence& sequence) override;
  Sequence* next() override;
  bool outranks(const Sequence& a, const Sequence& b) const override;
  bool yields(const Sequence& running, const Sequence& waiting) const override;
  double prompt_room(uint32_t budget, uint32_t decodes, size_t prompts,
                     bool any_short) const override;
  void share(double room, std::span<Sequence* const> prompts) override;
  double part(const Sequence& sequence) const override;
  void took(const Sequence& sequence, double work) override;
  void sampled(const Sequence& sequence) override;

  double counter(const std::string& client) const;  // 0: not known
  size_t clients() const { return clients_.size(); }

 private:
  struct ByKey {
    bool operator()(const std::pair<double, ClientShare*>& a,
                    const std::pair<double, ClientShare*>& b) const {
      return a.first != b.first ? a.first < b.first : a.second->order < b.second->order;
    }
  };
  using Clients = std::set<std::pair<double, ClientShare*>, ByKey>;
  struct Class {
    Clients waiting;         // by key
    double weight = 0;       // of all of them
    double room_weight = 0;  // of those that want room in this step
  };

  static size_t class_of(const Sequence& sequence);
  ClientShare& client_of(const Sequence& sequence);
  void lift(ClientShare& client);
  ClientShare* least(Class& in);
  double floor();
  void unqueue(Sequence& sequence);
  void idle(ClientShare& client);
  void forget_idle();

  const SchedulerOptions options_;
  std::unordered_map<std::string, std::unique_ptr<ClientShare>> clients_;
  std::array<Class, 10> classes_;
  Clients idle_;                 // wait and run nothing; by counter
  ClientShare* last_ = nullptr;  // to leave its line empty
  uint64_t next_order_ = 0;
  uint64_t step_ = 0;
  double room_ = 0;
};

}  // namespace weir::schedule
