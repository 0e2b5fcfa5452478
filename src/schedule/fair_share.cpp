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

size_t FairSharePolicy::class_of(const Sequence& sequence) {
  return static_cast<size_t>(std::clamp(sequence.request.priority, 0, 9));
}

ClientShare& FairSharePolicy::client_of(const Sequence& sequence) {
  auto& client = clients_[sequence.request.client];
  if (!client) {
    client = std::make_unique<ClientShare>();
    client->name = sequence.request.client;
    client->order = next_order_++;
  } else if (client->waiting == 0 && client->running.empty()) {
    idle_.erase({client->counter, client.get()});
  }
  return *client;
}

void FairSharePolicy::enter(Sequence& sequence) {
  ClientShare& client = sequence.share ? *sequence.share : client_of(sequence);
  if (!sequence.share) {
    sequence.share = &client;
    if (client.waiting == 0) lift(client);
    if (client.waiting == 0 && client.running.empty())
      client.weight = std::max(sequence.request.weight, kLeastWeight);
  } else if (client.waiting == 0 && client.running.empty()) {
    idle_.erase({client.counter, &client});
  }
  auto& line = client.lines[class_of(sequence)];
  if (line.waiting.empty()) {
    Class& its = classes_[class_of(sequence)];
    line.key = client.counter;
    its.waiting.insert({line.key, &client});
    its.weight += client.weight;
  }
  line.waiting.insert(&sequence);
  ++client.waiting;
  forget_idle();
}

void FairSharePolicy::unqueue(Sequence& sequence) {
  ClientShare& client = *sequence.share;
  auto& line = client.lines[class_of(sequence)];
  line.waiting.erase(&sequence);
  if (line.waiting.empty()) {
    Class& its = classes_[class_of(sequence)];
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
    client.counter += (kPromptToken * (sequence.prompt_tokens - sequence.cached_tokens) +
                       kCachedToken * sequence.cached_tokens) /
                      client.weight;
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
  for (size_t i = classes_.size(); i-- > 0;)
    if (ClientShare* client = least(classes_[i])) return *client->lines[i].waiting.begin();
  return nullptr;
}

ClientShare* FairSharePolicy::least(Class& in) {
  const auto index = static_cast<size_t>(&in - classes_.data());
  while (!in.waiting.empty()) {
    ClientShare* first = in.waiting.begin()->second;
    if (first->lines[index].key == first->counter) return first;
    in.waiting.erase(in.waiting.begin());  // served since it was put there
    first->lines[index].key = first->counter;
    in.waiting.insert({first->counter, first});
  }
  return nullptr;
}

double FairSharePolicy::floor() {
  double least_counter = 0;
  bool anybody = false;
  for (Class& its : classes_)
    if (const ClientShare* client = least(its)) {
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
  if (a.request.priority != b.request.priority) return a.request.priority > b.request.priority;
  if (a.rank != b.rank) return a.rank < b.rank;
  return a.id < b.id;
}

bool FairSharePolicy::yields(const Sequence& running, const Sequence& waiting) const {
  const ClientShare &has = *running.share, &wants = *waiting.share;
  if (&has == &wants || running.request.priority > waiting.request.priority) return false;
  // What it gives up must not come back to it before the other had it.
  if (running.request.priority == waiting.request.priority && has.counter <= wants.counter)
    return false;
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
  for (Class& its : classes_) its.room_weight = its.weight;
  for (Sequence* sequence : prompts) {
    ClientShare& client = *sequence->share;
    const bool counted = std::exchange(client.step, step_) == step_ ||
                         !client.lines[class_of(*sequence)].waiting.empty();
    client.taken = 0;
    if (!counted) classes_[class_of(*sequence)].room_weight += client.weight;
  }
}

double FairSharePolicy::part(const Sequence& sequence) const {
  const ClientShare& client = *sequence.share;
  const double all = std::max(classes_[class_of(sequence)].room_weight, client.weight);
  const double taken = client.step == step_ ? client.taken : 0;
  return room_ * std::max(client.weight / all, kLeastPart) - taken;
}

void FairSharePolicy::took(const Sequence& sequence, double work) {
  ClientShare& client = *sequence.share;
  if (std::exchange(client.step, step_) != step_) client.taken = 0;
  client.taken += work;
}

void FairSharePolicy::sampled(const Sequence& sequence) {
  sequence.share->counter += kCompletionToken / sequence.share->weight;
}

double FairSharePolicy::counter(const std::string& client) const {
  const auto at = clients_.find(client);
  return at == clients_.end() ? 0 : at->second->counter;
}

void FairSharePolicy::idle(ClientShare& client) {
  if (client.waiting == 0 && client.running.empty()) idle_.insert({client.counter, &client});
}

void FairSharePolicy::forget_idle() {
  // Who is not above the floor would be lifted to it: nothing of it need be known.
  while (!idle_.empty() && idle_.begin()->first <= floor()) {
    ClientShare* client = idle_.begin()->second;
    if (client == last_) return;
    idle_.erase(idle_.begin());
    clients_.erase(std::string(client->name));
  }
}

}  // namespace weir::schedule
