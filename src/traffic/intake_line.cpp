#include "traffic/intake_line.h"

#include <algorithm>
#include <chrono>

namespace weir::traffic {
namespace {

using std::chrono::microseconds;

double micros(Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

}  // namespace

IntakeLine::Rank IntakeLine::rank_of(const Waiter& waiter) {
  const auto since = std::chrono::duration_cast<microseconds>(waiter.since.time_since_epoch());
  return {since.count() + static_cast<int64_t>(waiter.bytes), waiter.number};
}

void IntakeLine::move(Client& client, double start) {
  const bool waits = order_.erase(&client) > 0;
  client.start = start;
  if (waits) order_.insert(&client);
}

void IntakeLine::join(Waiter& waiter) {
  waiter.number = ++numbers_;
  Client& client = clients_[waiter.client];
  if (client.line.empty()) {
    // A client gains nothing from having been idle.
    client.start = std::max(client.start, now_);
    client.since = waiter.number;
    order_.insert(&client);
  }
  client.line.emplace(rank_of(waiter), &waiter);
  ++waiting_;
}

void IntakeLine::leave(const Waiter& waiter) {
  const auto found = clients_.find(waiter.client);
  if (found == clients_.end()) return;
  Client& client = found->second;
  waiting_ -= client.line.erase(rank_of(waiter));
  if (client.line.empty()) order_.erase(&client);
}

IntakeLine::Waiter* IntakeLine::next() {
  if (order_.empty()) return nullptr;
  Client& client = **order_.begin();
  Waiter* waiter = client.line.begin()->second;
  client.line.erase(client.line.begin());
  --waiting_;
  if (client.line.empty()) order_.erase(&client);
  now_ = std::max(now_, client.start);
  move(client, client.start + static_cast<double>(waiter->bytes) / waiter->weight);
  if (clients_.size() > forget_at_) forget();
  return waiter;
}

void IntakeLine::settle(const Waiter& waiter, Duration spent) {
  const auto found = clients_.find(waiter.client);
  if (found == clients_.end()) return;
  Client& client = found->second;
  const double more = micros(spent) - static_cast<double>(waiter.bytes);
  move(client, client.start + more / waiter.weight);
}

void IntakeLine::forget() {
  std::erase_if(clients_, [this](const auto& entry) {
    return entry.second.line.empty() && entry.second.start <= now_;
  });
  forget_at_ = 64 + 2 * clients_.size();
}

}  // namespace weir::traffic
