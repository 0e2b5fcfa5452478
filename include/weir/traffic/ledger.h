#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/traffic/limiter.h"

namespace weir::traffic {

/// Whose usage counts towards a calendar quota, and since when. Empty: any.
struct QuotaQuery {
  std::string key, tenant, model;
  std::string from_day;      // "2026-11-01", UTC, inclusive
  double cached_weight = 1;  // of the input tokens that the prefix cache held; 0 to 1
};

/// What one request, or the sum of many, used. Tokens as charged; a prompt counts as one request,
/// an answer 429 or 503 as one refusal.
struct UsageEntry {
  std::string key, tenant, model;
  int64_t requests = 0, refused = 0;
  int64_t input_tokens = 0, cached_tokens = 0, output_tokens = 0;  // cached: part of input
  int64_t wait_ms = 0, queue_ms = 0, compute_ms = 0;  // at the gate, in the queue, in steps

  UsageEntry& operator+=(const UsageEntry& other);  // the numbers; whose they are stays
  bool operator==(const UsageEntry&) const = default;
};

/// A day's sum of a key and a model, over all tenants (`usage.tenant` is empty).
struct UsageRow {
  std::string day;  // "2026-11-24", UTC: the day on which the requests ended
  UsageEntry usage;

  bool operator==(const UsageRow&) const = default;
};

/// Days are inclusive. Empty: `to` today, `from` the first of the month of `to`; key and model any.
struct UsageQuery {
  std::string from, to, key, model;
};

/// The most that one query spans and answers; a query for more is refused.
constexpr int kMostUsageDays = 366;
constexpr size_t kMostUsageRows = 100'000;

/// What every key used of every model, by day, on disk. Thread-safe. Dying writes what is not yet
/// written.
class Ledger {
 public:
  virtual ~Ledger() = default;
  /// Counts towards today. Never waits for the disk, where it stands half a second later; while
  /// the disk fails, in memory.
  virtual void add(const UsageEntry& entry) = 0;
  /// Everything added before, written or not, by day, key and model. May wait for the disk. Errors:
  /// invalid_argument naming the field (`param`): no date, `from` after `to`, too much asked;
  /// internal: the disk cannot be read.
  virtual Result<std::vector<UsageRow>> query(const UsageQuery& query) = 0;
  /// Requests and tokens since `from_day`. May wait for the disk; where that cannot be read, what
  /// is in memory, and the log says so.
  virtual Cost used(const QuotaQuery& query) = 0;
  /// Writes what is not yet written, now.
  virtual void flush() = 0;
};

struct LedgerOptions {
  std::chrono::milliseconds flush_every{250};
  std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
};

/// Opens or makes DATA_DIR/usage.sqlite (and DATA_DIR itself, not its parents) for this process
/// alone. Errors: another process holds it; the folder cannot be written; the file is damaged, not
/// a ledger's, or of another version.
Result<std::unique_ptr<Ledger>> open_ledger(const std::string& data_dir,
                                            LedgerOptions options = {});

/// What stands on disk, also while a daemon writes there. Errors: as Ledger::query, and those of
/// the file.
Result<std::vector<UsageRow>> read_usage(const std::string& data_dir, const UsageQuery& query);

}  // namespace weir::traffic
