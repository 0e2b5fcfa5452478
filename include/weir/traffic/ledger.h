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

/// The usage that counts towards a calendar quota. An empty key, tenant or model means any.
struct QuotaQuery {
  std::string key, tenant, model;
  std::string from_day;      // "2026-11-01", UTC, inclusive
  double cached_weight = 1;  // of the input tokens that the prefix cache held; 0 to 1
};

/// The usage of one request, or the sum of many. Tokens are those charged. A prompt counts as one
/// request, an answer 429 or 503 as one refusal.
struct UsageEntry {
  std::string key, tenant, model;
  int64_t requests = 0, refused = 0;
  int64_t input_tokens = 0, cached_tokens = 0, output_tokens = 0;  // cached: part of input
  int64_t wait_ms = 0, queue_ms = 0, compute_ms = 0;  // at the gate, in the queue, in steps

  UsageEntry& operator+=(const UsageEntry& other);  // adds the numbers only
  bool operator==(const UsageEntry&) const = default;
};

/// The sum of a day for a key and a model, over all tenants (`usage.tenant` is empty).
struct UsageRow {
  std::string day;  // "2026-11-24", UTC: the day on which the requests ended
  UsageEntry usage;

  bool operator==(const UsageRow&) const = default;
};

/// Days are inclusive. An empty `to` means today, an empty `from` the first of the month of `to`,
/// an empty key or model any.
struct UsageQuery {
  std::string from, to, key, model;
};

/// The most days and rows of one query; a query for more is refused.
constexpr int kMostUsageDays = 366;
constexpr size_t kMostUsageRows = 100'000;

/// The usage of every key and model by day, on disk. Thread-safe. The destructor writes what is not
/// written yet.
class Ledger {
 public:
  virtual ~Ledger() = default;
  /// Counts `entry` towards today. Never waits for the disk: the entry is written within half a
  /// second. While the disk fails it stays in memory.
  virtual void add(const UsageEntry& entry) = 0;
  /// Everything added before, written or not, in the order of day, key and model. May wait for the
  /// disk. Errors: invalid_argument naming the field (`param`): no date, `from` after `to`, too
  /// much asked; internal: the disk cannot be read.
  virtual Result<std::vector<UsageRow>> query(const UsageQuery& query) = 0;
  /// Requests and tokens since `from_day`. May wait for the disk. If the disk cannot be read,
  /// returns what is in memory, and the log says so.
  virtual Cost used(const QuotaQuery& query) = 0;
  /// Writes now what is not written yet.
  virtual void flush() = 0;
};

struct LedgerOptions {
  std::chrono::milliseconds flush_every{250};
  std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
};

/// Opens or makes DATA_DIR/usage.sqlite (and DATA_DIR, but not its parents) for this process alone.
/// Errors: another process holds it; the folder cannot be written; the file is damaged, is no
/// ledger, or has another version.
Result<std::unique_ptr<Ledger>> open_ledger(const std::string& data_dir,
                                            LedgerOptions options = {});

/// The rows on disk, also while a daemon writes there. Errors: those of Ledger::query, and those of
/// the file.
Result<std::vector<UsageRow>> read_usage(const std::string& data_dir, const UsageQuery& query);

}  // namespace weir::traffic
