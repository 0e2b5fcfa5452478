#include "weir/traffic/ledger.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "ledger_database.h"
#include "ledger_day.h"
#include "ledger_lock.h"

namespace weir::traffic {
namespace {

constexpr int kPatience = 8;  // after a failure the pause is so many times longer

std::string file_in(const std::string& data_dir) { return data_dir + "/usage.sqlite"; }

Result<std::vector<UsageRow>> bounded(std::vector<UsageRow> rows) {
  if (rows.size() <= kMostUsageRows) return rows;
  return invalid("more than " + std::to_string(kMostUsageRows) +
                     " rows match; ask for fewer days, one key or one model",
                 "from");
}

class SqliteLedger final : public Ledger {
 public:
  SqliteLedger(DirectoryLock lock, LedgerDatabase to_sync, LedgerDatabase database,
               LedgerOptions options)
      : options_(std::move(options)),
        lock_(std::move(lock)),
        to_sync_(std::move(to_sync)),
        database_(std::move(database)),
        writer_([this] { write(); }) {
    try {
      syncer_ = std::thread([this] { sync(); });
    } catch (const std::system_error&) {
      end_threads();
      throw;
    }
  }

  ~SqliteLedger() override {
    end_threads();
    flush();
    if (!unwritten_.empty()) spdlog::error("usage of {} rows is lost", unwritten_.size());
    sync_now();
  }

  void add(const UsageEntry& entry) override {
    const std::string day = day_text(today());
    {
      std::lock_guard lock(mutex_);
      unwritten_[{day, entry.key, entry.model, entry.tenant}] += entry;
    }
    wake_.notify_one();
  }

  Result<std::vector<UsageRow>> query(const UsageQuery& asked) override {
    auto query = with_days(asked, today());
    if (!query) return query.error();
    std::lock_guard disk(disk_mutex_);
    auto rows = database_.rows(*query);
    if (!rows) return rows.error();
    return bounded(with_unwritten(*std::move(rows), *query));
  }

  Cost used(const QuotaQuery& query) override {
    std::lock_guard disk(disk_mutex_);
    auto read = database_.used(query);
    if (!read) spdlog::error("usage cannot be read: {}", read.error().message);
    Cost cost = read ? *read : Cost{};
    std::lock_guard lock(mutex_);
    for (const auto& [whose, sum] : unwritten_) {
      const auto& [day, key, model, tenant] = whose;
      if (day < query.from_day || (!query.key.empty() && key != query.key) ||
          (!query.model.empty() && model != query.model) ||
          (!query.tenant.empty() && tenant != query.tenant))
        continue;
      cost.requests += sum.requests;
      cost.input_tokens += weighted_input(sum.input_tokens, sum.cached_tokens, query.cached_weight);
      cost.output_tokens += sum.output_tokens;
    }
    return cost;
  }

  void flush() override {
    std::lock_guard disk(disk_mutex_);
    UsageSums sums;
    {
      std::lock_guard lock(mutex_);
      sums.swap(unwritten_);
    }
    if (sums.empty()) return;
    auto written = database_.add(sums);
    std::lock_guard lock(mutex_);
    if (!written) {
      for (const auto& [whose, sum] : sums) unwritten_[whose] += sum;
      if (!failing_)
        spdlog::error("usage cannot be written, is kept in memory and tried again: {}",
                      written.error().message);
    } else if (failing_) {
      spdlog::info("usage is written again");
    }
    failing_ = !written;
    if (written) unsynced_ = true;
    written_.notify_one();
  }

 private:
  void end_threads() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    written_.notify_one();
    writer_.join();
    if (syncer_.joinable()) syncer_.join();
  }

  std::chrono::sys_days today() const {
    return std::chrono::floor<std::chrono::days>(options_.now());
  }

  /// REQUIRES: disk_mutex_ is held, so that no sum is on its way from memory to disk.
  std::vector<UsageRow> with_unwritten(std::vector<UsageRow> rows, const UsageQuery& query) {
    std::map<std::tuple<std::string, std::string, std::string>, UsageEntry> sums;
    for (UsageRow& row : rows) {
      auto& sum = sums[{row.day, row.usage.key, row.usage.model}];
      sum = std::move(row.usage);
    }
    {
      std::lock_guard lock(mutex_);
      for (const auto& [whose, unwritten] : unwritten_) {
        const auto& [day, key, model, tenant] = whose;
        if (day < query.from || day > query.to || (!query.key.empty() && key != query.key) ||
            (!query.model.empty() && model != query.model))
          continue;
        auto& sum = sums[{day, key, model}];
        sum.key = key;
        sum.model = model;
        sum += unwritten;
      }
    }
    rows.clear();
    for (auto& [whose, sum] : sums) rows.push_back({std::get<0>(whose), std::move(sum)});
    return rows;
  }

  void write() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      wake_.wait(lock, [this] { return stopping_ || !unwritten_.empty(); });
      // Usage that comes during this pause is written with it.
      const auto pause = options_.flush_every * (failing_ ? kPatience : 1);
      if (wake_.wait_for(lock, pause, [this] { return stopping_; })) break;
      lock.unlock();
      flush();
      lock.lock();
    }
  }

  void sync() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      written_.wait(lock, [this] { return stopping_ || unsynced_; });
      unsynced_ = false;
      lock.unlock();
      sync_now();
      lock.lock();
      // The pause makes one sync of many small writes.
      written_.wait_for(lock, 2 * options_.flush_every, [this] { return stopping_; });
    }
  }

  void sync_now() {
    auto synced = to_sync_.sync();
    if (!synced && !unsyncable_)
      spdlog::error("usage does not reach the disk: {}", synced.error().message);
    unsyncable_ = !synced;
  }

  const LedgerOptions options_;
  const DirectoryLock lock_;
  LedgerDatabase to_sync_;  // closed last: it makes the last checkpoint
  std::mutex disk_mutex_;   // locked before mutex_
  LedgerDatabase database_;
  std::mutex mutex_;
  std::condition_variable wake_;
  UsageSums unwritten_;  // grows with keys, models and days, not with requests
  bool failing_ = false, stopping_ = false, unsynced_ = false;
  std::condition_variable written_;
  bool unsyncable_ = false;  // only the syncer uses it
  std::thread writer_, syncer_;
};

}  // namespace

UsageEntry& UsageEntry::operator+=(const UsageEntry& other) {
  requests += other.requests;
  refused += other.refused;
  input_tokens += other.input_tokens;
  cached_tokens += other.cached_tokens;
  output_tokens += other.output_tokens;
  wait_ms += other.wait_ms;
  queue_ms += other.queue_ms;
  compute_ms += other.compute_ms;
  return *this;
}

Result<std::unique_ptr<Ledger>> open_ledger(const std::string& data_dir, LedgerOptions options) {
  auto lock = DirectoryLock::take(data_dir);
  if (!lock) return lock.error();
  auto database = LedgerDatabase::open(file_in(data_dir));
  if (!database) return database.error();
  auto to_sync = LedgerDatabase::open_to_sync(file_in(data_dir));
  if (!to_sync) return to_sync.error();
  return std::make_unique<SqliteLedger>(*std::move(lock), *std::move(to_sync), *std::move(database),
                                        std::move(options));
}

Result<std::vector<UsageRow>> read_usage(const std::string& data_dir, const UsageQuery& asked) {
  const auto now = std::chrono::system_clock::now();
  auto query = with_days(asked, std::chrono::floor<std::chrono::days>(now));
  if (!query) return query.error();
  auto database = LedgerDatabase::open_to_read(file_in(data_dir));
  if (!database) return database.error();
  auto rows = database->rows(*query);
  if (!rows) return rows.error();
  return bounded(*std::move(rows));
}

}  // namespace weir::traffic
