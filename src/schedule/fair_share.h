#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "weir/base/service_order.h"
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
  double counter = 0;       // what the client was served, as the order of service charges it
  double token_charge = 0;  // for one token of a completion
  struct Line {
    std::set<Sequence*, ById> waiting;
    Turn key;  // where the client stands in its level; the turn of its first sequence is no earlier
  };
  std::array<Line, ServiceOrder::kLevels> lines;  // by level
  std::set<Sequence*, ById> running;
  uint32_t waiting = 0;
  uint64_t step = 0;  // to which `taken` belongs
  double taken = 0;   // of the room for prompts
};

/// Virtual token counters (Sheng et al., OSDI 2024, algorithm 2). The order of service says which
/// waiting sequence is next; the policy counts what it asks for, the service of each client. A
/// prompt is charged when it is admitted (1 a token, cached tokens 0.1), a completion as its tokens
/// are planned (2 a token). Work done again after a preemption is charged once.
/// When a client's first request arrives, its counter is raised to the smallest counter among
/// waiting clients (or that of the client that waited last). A client gains nothing from having
/// been idle.
///
/// Seats and memory: among running sequences, the k-th of a client ranks behind the (k-1)-th of
/// every other client, so the client with most sequences loses its last ones first. A client that
/// runs nothing takes a seat from a client that runs two or more for its weight. A client that
/// already runs n sequences takes a seat from a client that runs more than 2 (n + 1), both divided
/// by weight. The factor 2 keeps a seat from moving back and forth.
///
/// A step's room for prompts is shared by weight between the clients of a level that want it, at
/// least a quarter each, in order of rank. So not all of many short prompts finish last.
///
/// Costs: an addition for each token; O(log clients) for the next sequence, and at most one move
/// for each client that was served since the last; O(log waiting) for each coming and going.
class FairSharePolicy final : public Policy {
 public:
  /// `order` outlives the policy and gave the requests their levels.
  explicit FairSharePolicy(const SchedulerOptions& options,
                           const ServiceOrder& order = fair_order())
      : options_(options), order_(order) {}

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
  using Place = std::pair<Turn, ClientShare*>;
  struct ByTurn {
    bool operator()(const Place& a, const Place& b) const { return a.first.before(b.first); }
  };
  using Places = std::set<Place, ByTurn>;
  struct Level {
    Places waiting;          // by key
    double weight = 0;       // of all of them
    double room_weight = 0;  // of those that want room in this step
  };

  Level& level_of(const Sequence& sequence) { return levels_[sequence.request.level]; }
  static ClientShare::Line& line_of(const Sequence& sequence);
  static Turn turn_of(const ClientShare& client, uint32_t level);
  static Place idle_place(ClientShare& client);
  ClientShare& client_of(const Sequence& sequence);
  void set_weight(ClientShare& client, float weight) const;
  void lift(ClientShare& client);
  ClientShare* least(uint32_t level);
  double floor();
  void unqueue(Sequence& sequence);
  void idle(ClientShare& client);
  void forget_idle();

  const SchedulerOptions options_;
  const ServiceOrder& order_;
  std::unordered_map<std::string, std::unique_ptr<ClientShare>> clients_;
  std::array<Level, ServiceOrder::kLevels> levels_;
  Places idle_;                  // of clients that wait and run nothing; by counter
  ClientShare* last_ = nullptr;  // to leave its line empty
  uint64_t next_order_ = 0;
  uint64_t step_ = 0;
  double room_ = 0;
};

}  // namespace weir::schedule
