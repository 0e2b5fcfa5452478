#include "work/census.h"

#include <algorithm>

namespace weir::work {

size_t Census::class_of(int priority) {
  return static_cast<size_t>(std::clamp(priority, 0, static_cast<int>(kClasses) - 1));
}

void Census::arrive(const std::string& client, int priority, size_t tokens) {
  Client& who = clients_[client];
  Class& its = classes_[class_of(priority)];
  const uint32_t line = who.waiting[class_of(priority)]++;
  ++who.requests;
  if (its.lines.size() <= line) its.lines.resize(line + 1);
  ++its.lines[line];
  for (Amount* amount : {&its.amount, &all_}) {
    ++amount->requests;
    amount->tokens += tokens;
  }
}

void Census::leave(const std::string& client, int priority, size_t tokens) {
  const auto at = clients_.find(client);
  if (at == clients_.end() || at->second.waiting[class_of(priority)] == 0) return;
  Class& its = classes_[class_of(priority)];
  --its.lines[--at->second.waiting[class_of(priority)]];
  --at->second.requests;
  for (Amount* amount : {&its.amount, &all_}) {
    --amount->requests;
    amount->tokens -= tokens;
  }
  forget_if_idle(client);
}

void Census::run(const std::string& client) {
  Client& who = clients_[client];
  ++who.running;
  ++who.requests;
}

void Census::stop(const std::string& client) {
  const auto at = clients_.find(client);
  if (at == clients_.end() || at->second.running == 0) return;
  --at->second.running;
  --at->second.requests;
  forget_if_idle(client);
}

void Census::clear() {
  all_ = {};
  classes_ = {};
  clients_.clear();
}

Census::Amount Census::waiting_below(int priority) const {
  Amount sum;
  for (size_t i = 0; i < class_of(priority); ++i) {
    sum.requests += classes_[i].amount.requests;
    sum.tokens += classes_[i].amount.tokens;
  }
  return sum;
}

Ahead Census::ahead(const std::string& client, int priority) const {
  Ahead ahead{.clients = clients_.size() + 1};
  const size_t own_class = class_of(priority);
  if (const auto at = clients_.find(client); at != clients_.end()) {
    ahead.own = at->second.waiting[own_class];
    ahead.running = at->second.running;
    --ahead.clients;
  }
  const Class& its = classes_[own_class];
  for (size_t i = 0; i < std::min(its.lines.size(), ahead.own + 1); ++i)
    ahead.requests += its.lines[i];
  if (ahead.requests > 0) ahead.tokens = its.amount.tokens / its.amount.requests * ahead.requests;
  for (size_t i = own_class + 1; i < kClasses; ++i) {
    ahead.requests += classes_[i].amount.requests;
    ahead.tokens += classes_[i].amount.tokens;
  }
  return ahead;
}

void Census::forget_if_idle(const std::string& client) {
  const auto at = clients_.find(client);
  if (at != clients_.end() && at->second.requests == 0) clients_.erase(at);
}

}  // namespace weir::work
