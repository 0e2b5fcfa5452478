#include "schedule/fair_share.h"

#include <algorithm>

#include "schedule/prompt_work.h"

namespace weir::schedule {
namespace {

constexpr double kPromptToken = 1, kCachedToken = 0.1, kCompletionToken = 2;
constexpr double kLeastPart = 0.25;
constexpr float kLeastWeight = 1e-3F;

double held(const ClientShare& client, size_t more) {
  return static_cast<double>(client.running.size() + more) / client.weight;
}

}  // namespace

ClientShare::Line& FairSharePolicy::line_of(const Sequence& sequence) {
  return sequence.share->lines[sequence.request.level];
}

/// Of the first sequence in the client's line. REQUIRES: there is one.
Turn FairSharePolicy::turn_of(const ClientShare& client, uint32_t level) {
  return {level, client.counter, (*client.lines[level].waiting.begin())->id};
}

FairSharePolicy::Place FairSharePolicy::idle_place(ClientShare& client) {
  return {{.served = client.counter, .arrival = client.order}, &client};
}

ClientShare& FairSharePolicy::client_of(const Sequence& sequence) {
  auto& client = clients_[sequence.request.client];
  if (!client) {
    client = std::make_unique<ClientShare>();
    client->name = sequence.request.client;
    client->order = next_order_++;
  } else if (client->waiting == 0 && client->running.empty()) {
    idle_.erase(idle_place(*client));
  }
  return *client;
}

void FairSharePolicy::set_weight(ClientShare& client, float weight) const {
  client.weight = std::max(weight, kLeastWeight);
  client.token_charge = order_.charge(kCompletionToken, client.weight);
}

void FairSharePolicy::enter(Sequence& sequence) {
  ClientShare& client = sequence.share ? *sequence.share : client_of(sequence);
  if (!sequence.share) {
    sequence.share = &client;
    if (client.waiting == 0) lift(client);
    if (client.waiting == 0 && client.running.empty()) set_weight(client, sequence.request.weight);
  } else if (client.waiting == 0 && client.running.empty()) {
    idle_.erase(idle_place(client));
  }
  auto& line = line_of(sequence);
  Level& its = level_of(sequence);
  const bool stands = !line.waiting.empty();
  if (!stands) its.weight += client.weight;
  line.waiting.insert(&sequence);
  if (*line.waiting.begin() == &sequence) {  // a preempted one may be older than those that wait
    if (stands) its.waiting.erase({line.key, &client});
    line.key = turn_of(client, sequence.request.level);
    its.waiting.insert({line.key, &client});
  }
  ++client.waiting;
  forget_idle();
}

void FairSharePolicy::unqueue(Sequence& sequence) {
  ClientShare& client = *sequence.share;
  auto& line = line_of(sequence);
  line.waiting.erase(&sequence);
  if (line.waiting.empty()) {
    Level& its = level_of(sequence);
    its.waiting.erase({line.key, &client});
    its.weight = its.waiting.empty() ? 0 : its.weight - client.weight;
  }
  if (--client.waiting == 0) last_ = &client;
}

void FairSharePolicy::leave(Sequence& sequence) {
  unqueue(sequence);
  idle(*sequence.share);
}

void FairSharePolicy::admit(Sequence& sequence) {
  unqueue(sequence);
  ClientShare& client = *sequence.share;
  if (!std::exchange(sequence.charged, true))
    client.counter +=
        order_.charge(kPromptToken * (sequence.input_tokens() - sequence.cached_tokens) +
                          kCachedToken * sequence.cached_tokens,
                      client.weight);
  const auto at = client.running.insert(&sequence).first;
  // Its place among its client's, and never before an older one of them.
  sequence.rank = held(client, 0);
  if (at != client.running.begin()) sequence.rank = std::max(sequence.rank, (*std::prev(at))->rank);
  if (std::next(at) != client.running.end())
    sequence.rank = std::min(sequence.rank, (*std::next(at))->rank);
}

void FairSharePolicy::stop(Sequence& sequence) {
  sequence.share->running.erase(&sequence);
  idle(*sequence.share);
}

Sequence* FairSharePolicy::next() {
  for (uint32_t level = ServiceOrder::kLevels; level-- > 0;)
    if (ClientShare* client = least(level)) return *client->lines[level].waiting.begin();
  return nullptr;
}

ClientShare* FairSharePolicy::least(uint32_t level) {
  Places& waiting = levels_[level].waiting;
  while (!waiting.empty()) {
    const auto [key, client] = *waiting.begin();
    const Turn now = turn_of(*client, level);
    if (!key.before(now)) return client;
    waiting.erase(waiting.begin());  // served since it was put there
    client->lines[level].key = now;
    waiting.insert({now, client});
  }
  return nullptr;
}

double FairSharePolicy::floor() {
  double least_counter = 0;
  bool anybody = false;
  for (uint32_t level = 0; level < ServiceOrder::kLevels; ++level)
    if (const ClientShare* client = least(level)) {
      least_counter = anybody ? std::min(least_counter, client->counter) : client->counter;
      anybody = true;
    }
  if (anybody) return least_counter;
  return last_ ? last_->counter : 0;
}

void FairSharePolicy::lift(ClientShare& client) {
  client.counter = std::max(client.counter, floor());
}

bool FairSharePolicy::outranks(const Sequence& a, const Sequence& b) const {
  const Turn first{a.request.level, a.rank, a.id}, second{b.request.level, b.rank, b.id};
  return first.before(second);
}

bool FairSharePolicy::yields(const Sequence& running, const Sequence& waiting) const {
  const ClientShare &has = *running.share, &wants = *waiting.share;
  if (&has == &wants || running.request.level > waiting.request.level) return false;
  // The running one would wait then, and must not be next before the other was served.
  if (running.request.level == waiting.request.level && has.counter <= wants.counter) return false;
  return held(has, 0) > held(wants, 1) * (wants.running.empty() ? 1 : 2);
}

double FairSharePolicy::prompt_room(uint32_t budget, uint32_t decodes, size_t prompts,
                                    bool any_short) const {
  if (decodes == 0) return budget;
  if (decodes >= budget) return 0;
  return std::min(chunk_beside(options_, decodes, prompts, any_short), budget - decodes);
}

void FairSharePolicy::share(double room, std::span<Sequence* const> prompts) {
  room_ = room;
  ++step_;
  for (Level& its : levels_) its.room_weight = its.weight;
  for (Sequence* sequence : prompts) {
    ClientShare& client = *sequence->share;
    const bool counted =
        std::exchange(client.step, step_) == step_ || !line_of(*sequence).waiting.empty();
    client.taken = 0;
    if (!counted) level_of(*sequence).room_weight += client.weight;
  }
}

double FairSharePolicy::part(const Sequence& sequence) const {
  const ClientShare& client = *sequence.share;
  const double all = std::max(levels_[sequence.request.level].room_weight, client.weight);
  const double taken = client.step == step_ ? client.taken : 0;
  return room_ * std::max(client.weight / all, kLeastPart) - taken;
}

void FairSharePolicy::took(const Sequence& sequence, double work) {
  ClientShare& client = *sequence.share;
  if (std::exchange(client.step, step_) != step_) client.taken = 0;
  client.taken += work;
}

void FairSharePolicy::sampled(const Sequence& sequence) {
  sequence.share->counter += sequence.share->token_charge;
}

double FairSharePolicy::counter(const std::string& client) const {
  const auto at = clients_.find(client);
  return at == clients_.end() ? 0 : at->second->counter;
}

void FairSharePolicy::idle(ClientShare& client) {
  if (client.waiting == 0 && client.running.empty()) idle_.insert(idle_place(client));
}

void FairSharePolicy::forget_idle() {
  // A client whose counter is not above the floor would be raised to it: nothing is lost.
  while (!idle_.empty() && idle_.begin()->first.served <= floor()) {
    ClientShare* client = idle_.begin()->second;
    if (client == last_) return;
    idle_.erase(idle_.begin());
    clients_.erase(std::string(client->name));
  }
}

}  // namespace weir::schedule
