#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "weir/base/result.h"
#include "weir/traffic/ledger.h"

struct sqlite3;

namespace weir::traffic {

/// Sums by day, key, model and tenant.
using UsageSums =
    std::map<std::tuple<std::string, std::string, std::string, std::string>, UsageEntry>;

/// One connection to a usage.sqlite: a table of UsageSums. Used by one thread at a time.
class LedgerDatabase {
 public:
  /// Makes the file if there is none. Errors: it is damaged, is no ledger, has another version, or
  /// cannot be written.
  static Result<LedgerDatabase> open(const std::string& path);
  /// Reads beside a writer, also in a folder that cannot be written. Errors also: there is no file;
  /// or the folder cannot be written and a writer left usage beside the file that is not in it yet.
  static Result<LedgerDatabase> open_to_read(const std::string& path);

  /// A connection beside the writer's, for sync().
  static Result<LedgerDatabase> open_to_sync(const std::string& path);

  /// Adds all of `sums` or, with an Error, nothing. The sums survive the end of the process. They
  /// survive a power cut only after sync(). Errors also: the path no longer names the file that was
  /// opened.
  Result<void> add(const UsageSums& sums);
  /// REQUIRES: open_to_sync(). Brings what was added before to the disk. Does not hold up writers.
  Result<void> sync();
  /// REQUIRES: days are filled in. Returns at most kMostUsageRows + 1 rows.
  Result<std::vector<UsageRow>> rows(const UsageQuery& query);
  Result<Cost> used(const QuotaQuery& query);

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  LedgerDatabase(sqlite3* database, std::string path)
      : database_(database), path_(std::move(path)) {}

  struct FileId {
    uint64_t device = 0, inode = 0;
    bool operator==(const FileId&) const = default;
  };
  static FileId file_id_of(const std::string& path);  // zeros: there is no file

  static Result<LedgerDatabase> connect(const std::string& path, int flags);
  static Result<LedgerDatabase> open_unwritable(const std::string& path);
  Result<void> check_place() const;
  Result<void> check();                     // that it is a whole ledger of this version
  Result<void> prepare();                   // makes an empty file a ledger; sets how it is written
  Result<int64_t> number(const char* sql);  // the first value
  Result<void> run(const char* sql);
  Error failure() const;
  Error refused(const std::string& why) const;

  std::unique_ptr<sqlite3, Close> database_;
  std::string path_;
  FileId file_id_ = {};  // the file that open() opened
};

}  // namespace weir::traffic
