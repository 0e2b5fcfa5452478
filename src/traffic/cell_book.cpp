#include "traffic/cell_book.h"

#include <cmath>
#include <cstdio>
#include <utility>

#include "traffic/capacity.h"
#include "weir/traffic/duration.h"
#include "weir/traffic/ledger.h"
#include "weir/traffic/unit.h"

namespace weir::traffic {

using std::chrono::system_clock;

/// The owner of limits.
struct CellBook::Owner {
  std::string id, words;  // "key:web", "key web"
  QuotaQuery whose;
};

/// A day or month of the calendar, in UTC.
struct CellBook::Period {
  std::string from_day;
  system_clock::time_point end;

  static Period of(Calendar calendar, system_clock::time_point now) {
    using namespace std::chrono;
    auto today = floor<days>(now);
    year_month_day date{today};
    sys_days first = calendar == Calendar::month ? sys_days{date.year() / date.month() / 1} : today;
    sys_days last = calendar == Calendar::month
                        ? sys_days{(date.year() / date.month() + months(1)) / 1}
                        : today + days(1);
    year_month_day from{first};
    char text[16];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(from.year()),
                  static_cast<unsigned>(from.month()), static_cast<unsigned>(from.day()));
    return {text, last};
  }
};

CellBook::CellBook(Limiter& limiter, const Clock& clock, GateOptions options)
    : limiter_(limiter), clock_(clock), options_(std::move(options)) {}

void CellBook::set_rules(Rules rules) {
  auto fresh = std::make_shared<const Rules>(std::move(rules));
  std::lock_guard lock(mutex_);
  rules_ = std::move(fresh);
  sets_.clear();
}

void CellBook::set_history(std::function<Cost(const QuotaQuery&)> history) {
  std::lock_guard lock(history_mutex_);
  history_ = std::move(history);
}

double CellBook::cached_weight() const {
  std::lock_guard lock(mutex_);
  return rules_->cached_weight.value_or(options_.cached_weight);
}

Cells CellBook::of(const std::shared_ptr<const Key>& key, const std::string& model) {
  std::unique_lock lock(mutex_);
  if (auto own = sets_.find(key.get()); own != sets_.end()) {
    auto set = own->second.by_model.find(model);
    if (set != own->second.by_model.end() &&
        (set->second.until == TimePoint::max() || clock_.now() < set->second.until)) {
      return set->second.cells;
    }
  }
  std::shared_ptr<const Rules> rules = rules_;
  lock.unlock();
  Set set = make(*key, model, *rules);
  Cells cells = set.cells;
  lock.lock();
  if (rules == rules_) {
    KeySets& own = sets_[key.get()];
    own.key = key;
    own.by_model[model] = std::move(set);
  }
  return cells;
}

CellBook::Set CellBook::make(const Key& key, const std::string& model, const Rules& rules) {
  Set set;
  set.cells = std::make_shared<std::vector<Cell>>();
  const std::string name = "key:" + key.name;
  for (const Limit& limit : key.limits) {
    if (limit.model.empty()) {
      add(set, {name, "key " + key.name, {.key = key.name}}, {limit});
    } else if (limit.model == model) {
      add(set,
          {name + "@" + model,
           "key " + key.name + " at model " + model,
           {.key = key.name, .model = model}},
          {limit});
    }
  }
  for (const TenantLimits& tenant : rules.tenants) {
    if (tenant.name != key.tenant) continue;
    add(set, {"tenant:" + tenant.name, "tenant " + tenant.name, {.tenant = tenant.name}},
        tenant.limits);
  }
  for (const ModelLimits& limited : rules.models) {
    if (limited.name != model) continue;
    add(set, {"model:" + model, "model " + model, {.model = model}}, limited.limits);
    if (limited.capacity.kind != Capacity::Kind::none) {
      set.cells->push_back(capacity_cell(model, limited.capacity));
    }
  }
  return set;
}

void CellBook::add(Set& set, const Owner& owner, const std::vector<Limit>& limits) {
  for (const Limit& limit : limits) {
    Cell cell{.id = owner.id + "/" + word_of(limit.unit), .limit = limit, .owner = owner.words};
    if (limit.calendar != Calendar::none) {
      auto wall = options_.wall();
      Period period = Period::of(limit.calendar, wall);
      cell.id += (limit.calendar == Calendar::day ? "/day/" : "/month/") + period.from_day;
      cell.ends = clock_.now() + std::chrono::duration_cast<Duration>(period.end - wall);
      set.until = std::min(set.until, cell.ends);
      open_quota(cell, owner, period);
    } else if (limit.window.count() > 0) {
      cell.id.append("/").append(to_string(limit.window));
    }
    set.cells->push_back(std::move(cell));
  }
}

void CellBook::open_quota(const Cell& cell, const Owner& owner, const Period& period) {
  std::lock_guard lock(history_mutex_);
  const TimePoint now = clock_.now();
  if (opened_.contains(cell.id)) return;
  std::erase_if(opened_, [&](const auto& each) { return each.second < now; });
  if (history_) {
    QuotaQuery query = owner.whose;
    query.from_day = period.from_day;
    query.cached_weight = cached_weight();
    limiter_.adjust(std::span(&cell, 1), history_(query), now);
  }
  opened_.emplace(cell.id, cell.ends);
}

}  // namespace weir::traffic
