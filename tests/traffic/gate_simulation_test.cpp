#include <gtest/gtest.h>

#include <list>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "account.h"
#include "fakes/fake_clock.h"
#include "weir/traffic/gate.h"
#include "weir/traffic/ledger.h"

using namespace std::chrono_literals;

namespace weir::traffic {
namespace {

using std::chrono::milliseconds;

/// Dice of one history; the same seed throws the same.
class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_() % static_cast<uint64_t>(high - low + 1));
  }
  bool once_in(int64_t sides) { return between(1, sides) == 1; }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[between(0, static_cast<int64_t>(values.size()) - 1)];
  }

 private:
  std::mt19937_64 random_;
};

/// A request from its arrival to its end, as the client and the oracle see it.
struct Visit {
  enum class State { waiting, running, left, refused, settled };

  std::shared_ptr<const Key> key;
  std::string model;
  Cost cost;  // as asked for
  TimePoint deadline;
  std::vector<Account*> accounts;
  State state = State::waiting;
  std::optional<Place> place;
  std::optional<Permit> permit;
  Cost reserved;  // paid so far
  Cost used;      // to be paid in the end
  int64_t prompt = 0, completion = 0;
};

/// What the world of one history is made of.
struct Plan {
  uint64_t seed = 0;
  bool is_round = false;    // a unit of every limit is whole milliseconds: nothing is rounded
  bool is_patient = false;  // everybody waits an hour
};

/// A gate with random clients, and an oracle that keeps its own accounts beside
/// it.
class World {
 public:
  explicit World(const Plan& plan);

  void run(int steps);

 private:
  using State = Visit::State;

  std::vector<Limit> some_limits(int64_t most, bool with_models);
  Limit a_limit();
  Account* account(const std::string& id, const Limit& limit);
  std::vector<Account*> accounts_of(const Key& key, const std::string& model);
  std::chrono::system_clock::time_point wall() const {
    return midnight_ + (clock_.now() - begin_) - before_midnight_;
  }

  void step();
  void arrive();
  void entered(std::unique_ptr<Visit> visit, Result<Place> place, const Quote& quote);
  void admit(Visit& visit);
  void refuse(Visit& visit, const Error& error);
  void leave(Visit& visit);
  void use(Visit& visit);
  void end(Visit& visit);
  void advance(milliseconds by);
  void observe();
  void renew();
  void foresee();
  void drain();

  void check_waiting() const;
  void check_order() const;
  void check_balance();
  bool stands_behind_a_debtor(const Visit& visit) const;

  Entry entry_of(const Visit& visit) const {
    return {.key = visit.key,
            .model = visit.model,
            .cost = visit.cost,
            .max_wait = std::chrono::duration_cast<milliseconds>(visit.deadline - clock_.now())};
  }
  std::vector<Visit*> all(State state) const;
  Visit* any(State state);
  void adjust(Visit& visit, const Cost& change);

  const Plan plan_;
  Dice dice_;
  fakes::FakeClock clock_;
  const TimePoint begin_ = clock_.now();
  const std::chrono::sys_days midnight_ =
      std::chrono::year(2026) / std::chrono::December / std::chrono::day(1);
  const milliseconds before_midnight_;
  const double cached_weight_;
  Rules rules_;
  std::vector<std::shared_ptr<const Key>> keys_;
  std::map<std::string, Account> accounts_;
  std::unique_ptr<Gate> gate_;
  std::vector<std::unique_ptr<Visit>> visits_;  // in order of arrival
};

// Used before the gate began, in every quota.
const Cost kHistory{.requests = 1, .input_tokens = 20, .output_tokens = 10};

World::World(const Plan& plan)
    : plan_(plan),
      dice_(plan.seed),
      before_midnight_(dice_.one_of({2'000, 5'000, 40'000'000})),
      cached_weight_(dice_.one_of({0.0, 0.5, 1.0})) {
  for (int64_t i = 0, n = dice_.between(1, 4); i < n; ++i) {
    keys_.push_back(
        std::make_shared<const Key>(Key{.name = "k" + std::to_string(i),
                                        .tenant = "t" + std::to_string(dice_.between(0, 1)),
                                        .weight = dice_.one_of({1.0, 1.0, 3.0}),
                                        .priority = dice_.one_of({5, 5, 9}),
                                        .limits = some_limits(3, true)}));
  }
  rules_.tenants = {{"t0", some_limits(2, false)}};
  rules_.models = {{"m0", some_limits(2, false)}, {"m1", some_limits(1, false)}};
  gate_ = std::make_unique<Gate>(make_memory_limiter(), clock_,
                                 GateOptions{.forecast_age = std::chrono::milliseconds(0),
                                             .cached_weight = cached_weight_,
                                             .wall = [this] { return wall(); }});
  gate_->set_rules(rules_);
  gate_->set_history([](const QuotaQuery&) { return kHistory; });
}

Limit World::a_limit() {
  const Unit unit = dice_.one_of(
      {Unit::requests, Unit::tokens, Unit::input_tokens, Unit::output_tokens, Unit::concurrent});
  if (unit == Unit::concurrent) return {.unit = unit, .cap = dice_.between(1, 4)};
  const bool counts = unit == Unit::requests;
  if (dice_.once_in(8)) {
    return {.unit = unit,
            .cap = counts ? dice_.between(2, 20) : dice_.between(100, 2000),
            .calendar = dice_.one_of({Calendar::day, Calendar::month})};
  }
  const milliseconds window = dice_.one_of<milliseconds>({1s, 2s, 10s});
  const int64_t parts = counts ? dice_.one_of({1, 2, 5, 10}) : dice_.one_of({50, 100, 200, 500});
  const int64_t odd = counts ? dice_.between(1, 10) : dice_.between(30, 500);
  return {.unit = unit, .cap = plan_.is_round ? parts : odd, .window = window};
}

/// No two share a bucket.
std::vector<Limit> World::some_limits(int64_t most, bool with_models) {
  std::vector<Limit> limits;
  for (int64_t i = 0, n = dice_.between(0, most); i < n; ++i) {
    Limit limit = a_limit();
    if (with_models && dice_.once_in(4)) limit.model = dice_.one_of({"m0", "m1"});
    bool is_there = std::any_of(limits.begin(), limits.end(), [&](const Limit& each) {
      return each.unit == limit.unit && each.window == limit.window &&
             each.calendar == limit.calendar && each.model == limit.model;
    });
    if (!is_there) limits.push_back(limit);
  }
  return limits;
}

Account* World::account(const std::string& id, const Limit& limit) {
  using namespace std::chrono;
  std::string full = id;
  TimePoint ends = TimePoint::max();
  if (limit.calendar != Calendar::none) {
    auto today = floor<days>(wall());
    // December begins at midnight_: day and month end there together, or much
    // later.
    bool is_over = wall() >= midnight_;
    auto last = !is_over                          ? midnight_
                : limit.calendar == Calendar::day ? today + days(1)
                                                  : midnight_ + days(31);
    full += is_over ? "/after" : "/before";
    ends = clock_.now() + (last - wall());
  }
  auto [found, fresh] =
      accounts_.try_emplace(full, Account(Cell{.id = full, .limit = limit, .ends = ends}));
  if (fresh && found->second.is_quota()) {
    found->second.adjust(kHistory.of(limit.unit), clock_.now());
  }
  return &found->second;
}

std::vector<Account*> World::accounts_of(const Key& key, const std::string& model) {
  std::vector<Account*> accounts;
  auto add = [&](const std::string& owner, const std::vector<Limit>& limits) {
    for (size_t i = 0; i < limits.size(); ++i) {
      if (!limits[i].model.empty() && limits[i].model != model) continue;
      accounts.push_back(account(owner + std::to_string(i), limits[i]));
    }
  };
  add("key " + key.name + " ", key.limits);
  for (const auto& tenant : rules_.tenants) {
    if (tenant.name == key.tenant) add("tenant " + tenant.name + " ", tenant.limits);
  }
  for (const auto& each : rules_.models) {
    if (each.name == model) add("model " + model + " ", each.limits);
  }
  return accounts;
}

std::vector<Visit*> World::all(State state) const {
  std::vector<Visit*> found;
  for (const auto& visit : visits_) {
    if (visit->state == state) found.push_back(visit.get());
  }
  return found;
}

Visit* World::any(State state) {
  std::vector<Visit*> found = all(state);
  if (found.empty()) return nullptr;
  return found[static_cast<size_t>(dice_.between(0, static_cast<int64_t>(found.size()) - 1))];
}

void World::run(int steps) {
  for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) step();
  foresee();
  drain();
}

void World::step() {
  switch (dice_.between(0, 9)) {
    case 0:
      if (Visit* visit = any(State::waiting)) leave(*visit);
      break;
    case 1:
    case 2:
      if (Visit* visit = any(State::running)) use(*visit);
      break;
    case 3:
    case 4:
      if (Visit* visit = any(State::running)) end(*visit);
      break;
    case 5:
      advance(milliseconds(dice_.between(1, 1500)));
      break;
    default:
      arrive();
  }
  observe();
  check_waiting();
  check_order();
  check_balance();
}

void World::arrive() {
  auto visit = std::make_unique<Visit>();
  visit->key = keys_[static_cast<size_t>(dice_.between(0, std::ssize(keys_) - 1))];
  visit->model = dice_.one_of({"m0", "m1", "m2"});
  const int64_t most = dice_.one_of({5, 60, 300});
  visit->cost = {.requests = 1,
                 .input_tokens = 2 * dice_.between(1, most / 4 + 1),
                 .output_tokens = dice_.between(0, most / 2),
                 .concurrent = 1};
  visit->deadline =
      clock_.now() + (plan_.is_patient ? 1h : dice_.one_of<milliseconds>({0s, 300ms, 3s, 20s}));
  visit->accounts = accounts_of(*visit->key, visit->model);
  const Entry entry = entry_of(*visit);
  const Quote quote = gate_->quote(entry);
  entered(std::move(visit), gate_->enter(entry), quote);
}

void World::entered(std::unique_ptr<Visit> visit, Result<Place> place, const Quote& quote) {
  const TimePoint now = clock_.now();
  auto each = [&](auto holds) {
    return std::all_of(visit->accounts.begin(), visit->accounts.end(), holds);
  };
  auto wanted = [&](const Account* at) { return visit->cost.of(at->limit().unit); };
  auto is_met = [&](const Visit* other, const Account* at) {
    return std::find(other->accounts.begin(), other->accounts.end(), at) != other->accounts.end();
  };
  bool fits = each([&](Account* at) { return wanted(at) <= at->limit().cap; });
  bool can_pay = each([&](Account* at) { return wanted(at) <= 0 || at->can_pay(wanted(at), now); });
  bool is_free = true;
  for (const Visit* other : all(State::waiting)) {
    is_free = is_free && each([&](Account* at) { return !is_met(other, at); });
  }
  // Else a microsecond's rounding may choose which bucket refuses.
  if (plan_.is_round) {
    EXPECT_EQ(quote.refusal.has_value(), !place);
  }
  if (!fits) {
    EXPECT_TRUE(!place && place.error().code == Code::never_fits);
  } else if (is_free) {
    EXPECT_EQ(can_pay, place && place->admitted());
  }
  Visit& here = *visits_.emplace_back(std::move(visit));
  if (!place) {
    if (fits) return refuse(here, place.error());
    here.state = State::refused;
    return;
  }
  if (plan_.is_round) {
    EXPECT_EQ(quote.wait, place->standing().wait);
  }
  here.place.emplace(*std::move(place));
}

/// A refusal is right when the wait that it foretells is too long, or nobody
/// can foretell one.
void World::refuse(Visit& visit, const Error& error) {
  const TimePoint now = clock_.now();
  visit.state = State::refused;
  visit.place.reset();
  EXPECT_EQ(error.code, Code::rate_limited) << error.message;
  if (!error.retry_after) {
    EXPECT_GE(now, visit.deadline) << error.message;
  } else if (!error.never_retry) {
    EXPECT_GT(now + *error.retry_after, visit.deadline) << error.message;
  } else {
    bool has_quota = std::any_of(visit.accounts.begin(), visit.accounts.end(),
                                 [](const Account* at) { return at->is_quota(); });
    EXPECT_TRUE(has_quota) << error.message;
  }
}

void World::admit(Visit& visit) {
  const TimePoint now = clock_.now();
  visit.state = State::running;
  EXPECT_LE(now, visit.deadline);
  visit.reserved = visit.cost;
  visit.used = {.requests = visit.cost.requests};
  for (Account* at : visit.accounts) {
    const int64_t units = visit.cost.of(at->limit().unit);
    at->take(units, now);
    if (units <= 0) continue;
    EXPECT_GE(at->remaining(now), 0) << "a cap is passed";
    if (at->leaks()) {
      EXPECT_LE(at->taken_lately(now), 2 * at->limit().cap);
    }
  }
}

/// The client goes, or what let it in is not taken: nothing is charged.
void World::leave(Visit& visit) {
  visit.place.reset();
  visit.state = State::left;
}

void World::adjust(Visit& visit, const Cost& change) {
  for (Account* at : visit.accounts) at->adjust(change.of(at->limit().unit), clock_.now());
}

void World::use(Visit& visit) {
  visit.prompt = visit.cost.input_tokens + (dice_.once_in(10) ? 7 : 0);
  visit.completion += dice_.one_of({1, 20, 300});
  const int64_t cached = dice_.once_in(3) ? visit.cost.input_tokens : 0;
  visit.used.input_tokens =
      visit.prompt - static_cast<int64_t>((1 - cached_weight_) * static_cast<double>(cached));
  visit.used.output_tokens = visit.completion;
  Cost more;
  more.input_tokens = std::max<int64_t>(0, visit.used.input_tokens - visit.reserved.input_tokens);
  while (visit.completion > visit.reserved.output_tokens + more.output_tokens) {
    more.output_tokens += 256;
  }
  visit.reserved.input_tokens += more.input_tokens;
  visit.reserved.output_tokens += more.output_tokens;
  adjust(visit, more);
  visit.permit->used(visit.prompt, visit.completion, cached);
}

void World::end(Visit& visit) {
  visit.state = State::settled;
  const bool is_ours = dice_.once_in(4);
  const Cost used = is_ours ? Cost{} : visit.used;
  adjust(visit, {.requests = used.requests - visit.reserved.requests,
                 .input_tokens = used.input_tokens - visit.reserved.input_tokens,
                 .output_tokens = used.output_tokens - visit.reserved.output_tokens,
                 .concurrent = -visit.reserved.concurrent});
  if (is_ours) visit.permit->refund_all();
  visit.permit.reset();
}

/// Time passes, and whoever is due looks.
void World::advance(milliseconds by) {
  const TimePoint end = clock_.now() + by;
  while (true) {
    milliseconds next = milliseconds::max();
    for (Visit* visit : all(State::waiting)) next = std::min(next, visit->place->standing().wait);
    if (next == milliseconds::max() || clock_.now() + next > end) break;
    clock_.advance(next);
    const size_t before = gate_->waiting();
    observe();
    ASSERT_LT(gate_->waiting(), before) << "somebody was due and nobody went";
  }
  clock_.advance(end - clock_.now());
}

/// When a quota's period ends, who waits stands before the next one's bucket.
void World::renew() {
  if (wall() < midnight_) return;
  for (Visit* visit : all(State::waiting)) visit->accounts = accounts_of(*visit->key, visit->model);
}

/// Looks who was let in or refused. The oracle charges them all first: what is
/// given back comes later.
void World::observe() {
  renew();
  std::vector<Visit*> through;
  for (Visit* visit : all(State::waiting)) (void)visit->place->wait(0ms);  // one looks for all
  for (Visit* visit : all(State::waiting)) {
    auto answer = visit->place->wait(0ms);
    if (!answer) {
      refuse(*visit, answer.error());
    } else if (*answer) {
      admit(*visit);
      through.push_back(visit);
    }
  }
  if (through.empty()) return;
  for (Visit* visit : through) {
    if (!dice_.once_in(8)) {
      visit->permit.emplace(visit->place->take());
      visit->place.reset();
      continue;
    }
    adjust(*visit, {.requests = -visit->cost.requests,
                    .input_tokens = -visit->cost.input_tokens,
                    .output_tokens = -visit->cost.output_tokens,
                    .concurrent = -visit->cost.concurrent});
    leave(*visit);
  }
  observe();
}

/// A bucket that cannot pay somebody who waits, and that `visit` shares.
bool World::stands_behind_a_debtor(const Visit& visit) const {
  const TimePoint now = clock_.now();
  for (const Visit* other : all(State::waiting)) {
    for (Account* at : other->accounts) {
      const int64_t wanted = other->cost.of(at->limit().unit);
      if (wanted <= 0 || at->can_pay(wanted, now)) continue;
      if (std::count(visit.accounts.begin(), visit.accounts.end(), at) > 0) return true;
    }
  }
  return false;
}

void World::check_waiting() const {
  const auto waiting = all(State::waiting);
  EXPECT_EQ(gate_->waiting(), waiting.size());
  std::map<std::string, std::set<size_t>> places;
  std::map<std::string, size_t> sizes;
  for (const Visit* visit : waiting) {
    EXPECT_LE(clock_.now() + visit->place->standing().wait, visit->deadline);
    EXPECT_TRUE(stands_behind_a_debtor(*visit)) << "waits for nothing";
    places[visit->model].insert(visit->place->standing().place);
    ++sizes[visit->model];
  }
  for (const auto& [model, given] : places) {
    EXPECT_EQ(given.size(), sizes[model]) << "a place is given twice";
    EXPECT_EQ(*given.begin(), 1u);
    EXPECT_EQ(*given.rbegin(), sizes[model]);
  }
}

/// Nobody who came later was let in before a request of the same client for the
/// same model.
void World::check_order() const {
  std::map<std::pair<const Key*, std::string>, bool> waits;
  for (const auto& visit : visits_) {
    bool& somebody_waits = waits[{visit->key.get(), visit->model}];
    if (visit->state == State::waiting) somebody_waits = true;
    if (visit->state == State::running) {
      EXPECT_FALSE(somebody_waits) << visit->key->name << " at " << visit->model;
    }
  }
}

/// Every bucket, by asking what a request would find.
void World::check_balance() {
  const TimePoint now = clock_.now();
  const auto& key = keys_[static_cast<size_t>(dice_.between(0, std::ssize(keys_) - 1))];
  const std::string model = dice_.one_of({"m0", "m1"});
  const auto accounts = accounts_of(*key, model);
  const Quote quote = gate_->quote({.key = key, .model = model, .max_wait = 1h});
  ASSERT_EQ(quote.cells.size(), accounts.size());
  for (size_t i = 0; i < accounts.size(); ++i) {
    EXPECT_EQ(quote.cells[i].remaining, accounts[i]->remaining(now)) << quote.owners[i];
    EXPECT_EQ(quote.cells[i].full_in, accounts[i]->full_in(now)) << quote.owners[i];
  }
}

/// Nobody comes and nothing is given back: what was foretold comes true.
void World::foresee() {
  const bool is_before = wall() < midnight_;
  std::map<Visit*, TimePoint> foretold;
  for (Visit* visit : all(State::waiting)) {
    foretold[visit] = clock_.now() + visit->place->standing().wait;
  }
  while (!foretold.empty() && !testing::Test::HasFailure()) {
    TimePoint next = TimePoint::max();
    for (const auto& [visit, due] : foretold) {
      next = std::min(next, clock_.now() + visit->place->standing().wait);
    }
    clock_.advance(next - clock_.now());
    renew();
    const size_t before = foretold.size();
    std::erase_if(foretold, [&](const auto& each) {
      auto& [visit, due] = each;
      auto answer = visit->place->wait(0ms);
      if (answer && !*answer) return false;
      // Else a look is up to a millisecond late, which may give the turn to
      // somebody else. Nobody foretells what is left of a quota that has not
      // begun.
      if (plan_.is_round && is_before == (wall() < midnight_)) {
        EXPECT_EQ(due, clock_.now());
      }
      if (!answer) {
        refuse(*visit, answer.error());
      } else {
        admit(*visit);
        visit->permit.emplace(visit->place->take());
        visit->place.reset();
      }
      return true;
    });
    ASSERT_LT(foretold.size(), before) << "somebody was due and nobody went";
  }
}

/// Nobody comes any more and who is in ends: everybody gets an answer, and only
/// who would have to wait too long or for a spent quota is refused.
void World::drain() {
  while (!testing::Test::HasFailure() && gate_->waiting() + all(State::running).size() > 0) {
    for (Visit* visit : all(State::running)) {
      end(*visit);
      observe();
    }
    advance(1s);
    check_waiting();
  }
  for (const auto& visit : visits_) {
    EXPECT_NE(visit->state, State::waiting);
    EXPECT_NE(visit->state, State::running);
  }
  for (int i = 0; i < 4; ++i) check_balance();
}

TEST(GateSimulation, KeepsItsBooksWhateverComes) {
  for (uint64_t seed = 1; seed <= 3000 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World(Plan{.seed = seed, .is_round = seed % 2 == 0, .is_patient = seed % 3 == 0})
        .run(static_cast<int>(20 + seed % 100));
  }
}

/// Clients that keep a backlog at one model: `weights` each, and what they are
/// let in with in turns of random size.
class Backlog {
 public:
  Backlog(uint64_t seed, const std::vector<double>& weights) : dice_(seed) {
    const int64_t cap = dice_.between(300, 3000);
    gate_.set_rules({.models = {{"m", {{Unit::tokens, cap, 1s}}}}});
    for (size_t i = 0; i < weights.size(); ++i) {
      keys_.push_back(std::make_shared<const Key>(
          Key{.name = "k" + std::to_string(i), .tenant = "t", .weight = weights[i]}));
    }
    most_.resize(weights.size());
    for (int64_t& most : most_) most = dice_.one_of({20, 100, 300});
    places_.resize(weights.size());
    served_.resize(weights.size());
  }

  /// Tokens of each, served until all together had `tokens`.
  std::vector<int64_t> serve(int64_t tokens) {
    // What the bucket holds goes without a line.
    drop_burst();
    while (std::accumulate(served_.begin(), served_.end(), int64_t{0}) < tokens) {
      for (size_t i = 0; i < keys_.size(); ++i) top_up(i);
      clock_.advance(10ms);
      for (size_t i = 0; i < keys_.size(); ++i) look(i);
    }
    return served_;
  }

 private:
  void drop_burst() {
    auto first = std::make_shared<const Key>(Key{.name = "first", .tenant = "t"});
    Entry entry{.key = first, .model = "m", .cost = {.input_tokens = 1}};
    entry.cost.input_tokens = gate_.quote(entry).cells.at(0).remaining;
    burst_.emplace(gate_.enter(entry)->take());
    burst_->used(entry.cost.input_tokens, 0);
  }
  void top_up(size_t i) {
    while (places_[i].size() < 12) {
      const Cost cost{.requests = 1, .input_tokens = dice_.between(1, most_[i])};
      auto place = gate_.enter({.key = keys_[i], .model = "m", .cost = cost, .max_wait = 10h});
      ASSERT_TRUE(place);
      places_[i].emplace_back(cost.input_tokens, *std::move(place));
    }
  }
  void look(size_t i) {
    for (auto& [tokens, place] : places_[i]) {
      if (!*place.wait(0ms)) continue;
      place.take().used(tokens, 0);
      served_[i] += std::exchange(tokens, 0);
    }
    std::erase_if(places_[i], [](const auto& each) { return each.first == 0; });
  }

  Dice dice_;
  fakes::FakeClock clock_;
  Gate gate_{make_memory_limiter(), clock_};
  std::optional<Permit> burst_;
  std::vector<std::shared_ptr<const Key>> keys_;
  std::vector<int64_t> most_;  // tokens of a request of each
  std::vector<std::list<std::pair<int64_t, Place>>> places_;
  std::vector<int64_t> served_;
};

TEST(GateSimulation, EqualClientsAreServedAlike) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto served = Backlog(seed, {1, 1}).serve(40'000);
    EXPECT_NEAR(static_cast<double>(served[0]) / static_cast<double>(served[1]), 1, 0.05);
  }
}

TEST(GateSimulation, WeightsDivideWhatIsServed) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto served = Backlog(seed, {1, 3}).serve(60'000);
    EXPECT_NEAR(static_cast<double>(served[1]) / static_cast<double>(served[0]), 3, 0.15);
  }
}

TEST(GateSimulation, AnIdleKeyHasItsFullBurst) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    fakes::FakeClock clock;
    Gate gate(make_memory_limiter(), clock);
    const int64_t cap = dice.between(1, 50);
    const milliseconds window(dice.between(1, 90'000));
    auto key = std::make_shared<const Key>(
        Key{.name = "k", .tenant = "k", .limits = {{Unit::tokens, cap, window}}});
    Entry entry{.key = key, .model = "m", .cost = {.output_tokens = 1}, .max_wait = 0ms};
    const int64_t debt = dice.between(0, 100);
    gate.enter(entry)->take().used(0, debt);
    clock.advance(gate.quote(entry).cells[0].full_in);
    for (int64_t i = 0; i < cap; ++i) {
      auto place = gate.enter(entry);
      ASSERT_TRUE(place);
      place->take().used(0, 1);
    }
    auto refused = gate.enter(entry);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().retry_after, milliseconds((window.count() + cap - 1) / cap));
  }
}

}  // namespace
}  // namespace weir::traffic
