#include "work/census.h"

namespace weir::work {

/// An empty group is used again, so that there are never more groups than charges at a time.
Census::Group& Census::group_of(Level& level, double charge) {
  Group* unused = nullptr;
  for (Group& group : level.groups) {
    if (group.charge == charge) return group;
    if (group.empty()) unused = &group;
  }
  if (!unused) unused = &level.groups.emplace_back();
  unused->charge = charge;
  return *unused;
}

void Census::arrive(const std::string& client, uint32_t level, double charge, size_t tokens) {
  Client& who = clients_[client];
  if (who.requests == 0) who.charge = charge;
  Level& its = levels_[level];
  auto& lines = group_of(its, who.charge).lines;
  const uint32_t line = who.waiting[level]++;
  ++who.requests;
  if (lines.size() <= line) lines.resize(line + 1);
  ++lines[line];
  for (Amount* amount : {&its.amount, &all_}) {
    ++amount->requests;
    amount->tokens += tokens;
  }
}

void Census::leave(const std::string& client, uint32_t level, size_t tokens) {
  const auto at = clients_.find(client);
  if (at == clients_.end() || at->second.waiting[level] == 0) return;
  Level& its = levels_[level];
  --group_of(its, at->second.charge).lines[--at->second.waiting[level]];
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
  levels_ = {};
  clients_.clear();
}

Census::Amount Census::waiting_below(uint32_t level) const {
  Amount sum;
  for (size_t i = 0; i < level; ++i) {
    sum.requests += levels_[i].amount.requests;
    sum.tokens += levels_[i].amount.tokens;
  }
  return sum;
}

Ahead Census::ahead(const std::string& client, uint32_t level, double charge) const {
  Ahead ahead{.clients = clients_.size() + 1};
  if (const auto at = clients_.find(client); at != clients_.end()) {
    ahead.own = at->second.waiting[level];
    ahead.running = at->second.running;
    charge = at->second.charge;
    --ahead.clients;
  }
  if (charge == 0) ahead.clients = 1;
  // When a request is next of its client's line, the client was served those before it.
  const auto turn = [level](size_t served, double each, uint64_t arrival) {
    return Turn{level, static_cast<double>(served) * each, arrival};
  };
  const Turn own = turn(ahead.own, charge, UINT64_MAX);
  const Level& its = levels_[level];
  for (const Group& group : its.groups)
    for (size_t i = 0; i < group.lines.size() && group.lines[i] > 0; ++i) {
      if (!turn(i, group.charge, 0).before(own)) break;
      ahead.requests += group.lines[i];
    }
  if (ahead.requests > 0) ahead.tokens = its.amount.tokens / its.amount.requests * ahead.requests;
  for (size_t i = level + 1; i < kLevels; ++i) {
    ahead.requests += levels_[i].amount.requests;
    ahead.tokens += levels_[i].amount.tokens;
  }
  return ahead;
}

void Census::forget_if_idle(const std::string& client) {
  const auto at = clients_.find(client);
  if (at != clients_.end() && at->second.requests == 0) clients_.erase(at);
}

}  // namespace weir::work
