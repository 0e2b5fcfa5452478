// What the gate costs a request, without anything behind it: enter, take, three
// calls of used() and the settlement. Prints one line of JSON: nanoseconds of a
// request for each situation, the median of rounds, so that a neighbour that
// comes and goes shows little. `gate_bench [requests]` sets how many a round
// takes.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "weir/traffic/gate.h"

namespace weir::traffic {
namespace {

using namespace std::chrono_literals;

constexpr int kRounds = 9;
constexpr int64_t kPlenty = 1'000'000'000'000;
const Cost kCost{.requests = 1, .input_tokens = 100, .output_tokens = 200, .concurrent = 1};

std::shared_ptr<const Key> key(const std::string& name, std::vector<Limit> limits) {
  return std::make_shared<const Key>(
      Key{.name = name, .tenant = "tenant", .limits = std::move(limits)});
}

const std::vector<Limit> kKeyLimits{{Unit::requests, kPlenty, 1s}, {Unit::tokens, kPlenty, 1s}};

/// Two limits of the key, one of its tenant, one of the model; another model
/// that is spent.
Rules rules() {
  return {.tenants = {{"tenant", {{Unit::tokens, kPlenty, 1s}}}},
          .models = {{"model", {{Unit::output_tokens, kPlenty, 1s}}},
                     {"spent", {{Unit::output_tokens, 200, 1h}}}}};
}

void request(Gate& gate, const Entry& entry) {
  Permit permit = gate.enter(entry)->take();
  permit.used(100, 1);
  permit.used(100, 64);
  permit.used(100, 128);
}

/// Comes to the line and goes again.
void visit_line(Gate& gate, const Entry& entry) { (void)gate.enter(entry); }

/// Nanoseconds of a call: the median of rounds of `calls` in each of `threads`.
template <class Call>
double nanoseconds(int calls, int threads, Call call) {
  using Real = std::chrono::steady_clock;
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = Real::now();
    std::vector<std::thread> others;
    auto work = [&](int thread) {
      for (int i = 0; i < calls; ++i) call(thread);
    };
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(work, thread);
    work(0);
    for (std::thread& other : others) other.join();
    const std::chrono::duration<double, std::nano> took = Real::now() - start;
    rounds.push_back(took.count() / calls / threads);
  }
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  return rounds[kRounds / 2];
}

void print(const char* name, double value) {
  std::printf("\"%s\":%.0f,", name, value);
  std::fflush(stdout);
}

double alone(int calls, bool limited, int threads) {
  SteadyClock clock;
  Gate gate(make_memory_limiter(), clock);
  if (limited) gate.set_rules(rules());
  std::vector<Entry> entries;
  for (int i = 0; i < threads; ++i) {
    entries.push_back(
        {.key = key("key" + std::to_string(i), limited ? kKeyLimits : std::vector<Limit>{}),
         .model = "model",
         .cost = kCost});
  }
  return nanoseconds(calls, threads,
                     [&](int thread) { request(gate, entries[static_cast<size_t>(thread)]); });
}

/// Beside `waiting` of `clients` in another model's line: a request that passes
/// them, then one that joins them and leaves.
std::pair<double, double> beside(int calls, int waiting, int clients) {
  SteadyClock clock;
  Gate gate(make_memory_limiter(), clock);
  gate.set_rules(rules());
  Entry entry{.key = key("first", {}), .model = "spent", .cost = kCost, .max_wait = 10000h};
  Permit first = gate.enter(entry)->take();
  first.used(100, 200);
  std::vector<std::shared_ptr<const Key>> keys;
  for (int i = 0; i < clients; ++i) keys.push_back(key("key" + std::to_string(i), kKeyLimits));
  std::vector<Place> line;
  for (int i = 0; i < waiting; ++i) {
    entry.key = keys[static_cast<size_t>(i % clients)];
    line.push_back(*gate.enter(entry));
  }
  Entry passing{.key = key("passing", kKeyLimits), .model = "model", .cost = kCost};
  passing.key =
      std::make_shared<const Key>(Key{.name = "passing", .tenant = "other", .limits = kKeyLimits});
  return {nanoseconds(calls, 1, [&](int) { request(gate, passing); }),
          nanoseconds(calls, 1, [&](int) { visit_line(gate, entry); })};
}

void measure(int calls) {
  std::printf("{");
  print("no_limits", alone(calls, false, 1));
  print("4_cells", alone(calls, true, 1));
  print("4_cells_8_threads", alone(calls / 8 + 1, true, 8));
  const int few = std::max(1, calls / 20'000);
  const auto [passing_8, joining_8] = beside(few, 1000, 8);
  print("beside_1000_of_8_clients", passing_8);
  print("joining_1000_of_8_clients", joining_8);
  const auto [passing_all, joining_all] = beside(few, 1000, 1000);
  print("beside_1000_of_1000_clients", passing_all);
  print("joining_1000_of_1000_clients", joining_all);
  std::printf("\"requests\":%d}\n", calls);
}

}  // namespace
}  // namespace weir::traffic

int main(int argc, char** argv) {
  const int calls = argc > 1 ? std::atoi(argv[1]) : 200'000;
  if (calls < 1) {
    std::fprintf(stderr, "requests is %s; 1 or more are needed\n", argv[1]);
    return 2;
  }
  weir::traffic::measure(calls);
}
