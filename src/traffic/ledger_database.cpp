#include "ledger_database.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <utility>

#include "ledger_statement.h"
#include "weir/base/access.h"

namespace weir::traffic {
namespace {

constexpr int64_t kApplication = 0x57454952;  // "WEIR", which `file` shows
constexpr int64_t kVersion = 1;
constexpr int kBusyMs = 5000;

constexpr const char* kTable = R"(
  CREATE TABLE usage(
    day TEXT NOT NULL, key TEXT NOT NULL, model TEXT NOT NULL, tenant TEXT NOT NULL,
    requests INTEGER NOT NULL, refused INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    wait_ms INTEGER NOT NULL, queue_ms INTEGER NOT NULL, compute_ms INTEGER NOT NULL,
    PRIMARY KEY(day, key, model, tenant)) STRICT, WITHOUT ROWID;
  CREATE INDEX usage_of_key ON usage(key, day);
  CREATE INDEX usage_of_tenant ON usage(tenant, day);)";

constexpr const char* kAdd = R"(
  INSERT INTO usage VALUES(?,?,?,?,?,?,?,?,?,?,?,?)
  ON CONFLICT DO UPDATE SET
    requests = requests + excluded.requests, refused = refused + excluded.refused,
    input_tokens = input_tokens + excluded.input_tokens,
    cached_tokens = cached_tokens + excluded.cached_tokens,
    output_tokens = output_tokens + excluded.output_tokens,
    wait_ms = wait_ms + excluded.wait_ms, queue_ms = queue_ms + excluded.queue_ms,
    compute_ms = compute_ms + excluded.compute_ms)";

std::string new_ledger() {
  return std::string("BEGIN IMMEDIATE;") + kTable +
         "PRAGMA application_id = " + std::to_string(kApplication) +
         "; PRAGMA user_version = " + std::to_string(kVersion) + "; COMMIT";
}

/// A path in the form of SQLite's URIs.
std::string escaped(const std::string& path) {
  std::string text;
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      const auto code = static_cast<unsigned char>(c);
      text += {'%', kHex[code >> 4], kHex[code & 15]};
    } else {
      text += c;
    }
  }
  return text;
}

/// A WHERE clause of the fields that are asked for.
struct Where {
  std::string sql;
  std::vector<std::string> values;

  void add(const char* condition, const std::string& value) {
    if (value.empty()) return;
    sql += sql.empty() ? " WHERE " : " AND ";
    sql += condition;
    values.push_back(value);
  }
  void bind_to(Statement& statement) const {
    for (const std::string& value : values) statement.bind(value);
  }
};

std::string why_not_written(const std::string& path) {
  return access(path.c_str(), W_OK) == 0 ? "" : ": " + reason_of(errno, path);
}

}  // namespace

void LedgerDatabase::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

Result<LedgerDatabase> LedgerDatabase::connect(const std::string& path, int flags) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  LedgerDatabase database(opened, path);
  const int denied = code == SQLITE_CANTOPEN ? sqlite3_system_errno(opened) : 0;
  if (denied != 0) return database.refused("cannot be opened: " + reason_of(denied, path));
  if (code != SQLITE_OK) return database.failure();
  sqlite3_busy_timeout(opened, kBusyMs);
  return database;
}

Result<LedgerDatabase> LedgerDatabase::open(const std::string& path) {
  auto database = connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!database) return database;
  if (sqlite3_db_readonly(database->database_.get(), "main") == 1)
    return database->refused("cannot be written" + why_not_written(path));
  if (auto prepared = database->prepare(); !prepared) return prepared.error();
  database->file_id_ = file_id_of(path);
  return database;
}

Result<LedgerDatabase> LedgerDatabase::open_to_sync(const std::string& path) {
  auto database = connect(path, SQLITE_OPEN_READWRITE);
  if (!database) return database;
  if (auto set = database->run("PRAGMA synchronous = FULL"); !set) return set.error();
  return database;
}

Result<LedgerDatabase> LedgerDatabase::open_to_read(const std::string& path) {
  auto database = connect(path, SQLITE_OPEN_READONLY);
  if (!database) return database;
  auto good = database->check();
  if (good) return database;
  // A reader of a write-ahead log needs an index beside it, and makes one if no writer has made it.
  const int code = sqlite3_errcode(database->database_.get());
  if (code == SQLITE_CANTOPEN || code == SQLITE_READONLY) return open_unwritable(path);
  return good.error();
}

// The folder cannot be written, so the file does not change while it is read.
Result<LedgerDatabase> LedgerDatabase::open_unwritable(const std::string& path) {
  std::error_code missing;
  if (const auto left = std::filesystem::file_size(path + "-wal", missing); !missing && left > 0)
    return Error{.code = Code::internal,
                 .message = path + "-wal holds usage that is not in " + path +
                            " yet, and the folder cannot be written; copy it to one that can"};
  auto database = connect("file:" + escaped(std::filesystem::absolute(path)) + "?immutable=1",
                          SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
  if (!database) return database;
  database->path_ = path;
  if (auto good = database->check(); !good) return good.error();
  return database;
}

Result<void> LedgerDatabase::prepare() {
  auto tables = number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables.error();
  if (*tables == 0)
    if (auto made = run(new_ledger().c_str()); !made) return made;
  if (auto good = check(); !good) return good;
  // A write survives the end of the process at once. A disk may take seconds to sync, which must
  // not hold up the next write. So another connection syncs, with its checkpoints.
  return run("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0");
}

Result<void> LedgerDatabase::sync() { return run("PRAGMA wal_checkpoint(PASSIVE)"); }

Result<void> LedgerDatabase::check() {
  auto application = number("PRAGMA application_id");
  if (!application) return application.error();
  if (*application != kApplication) return refused("is no ledger of weir");
  auto version = number("PRAGMA user_version");
  if (!version) return version.error();
  if (*version != kVersion)
    return refused("has version " + std::to_string(*version) + "; this weir knows version " +
                   std::to_string(kVersion));
  Statement whole(database_.get(), "PRAGMA quick_check(1)");
  if (whole.step() != SQLITE_ROW) return failure();
  if (whole.text(0) != "ok") return refused("is damaged: " + whole.text(0));
  return {};
}

LedgerDatabase::FileId LedgerDatabase::file_id_of(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return {};
  return {.device = found.st_dev, .inode = found.st_ino};
}

// SQLite goes on writing to a file that was removed or replaced, and nobody could ever read it.
Result<void> LedgerDatabase::check_place() const {
  const FileId now = file_id_of(path_);
  if (now == file_id_) return {};
  return refused(now == FileId{} ? "is gone" : "is another file than the one that was opened");
}

Result<void> LedgerDatabase::add(const UsageSums& sums) {
  if (auto there = check_place(); !there) return there;
  if (auto begun = run("BEGIN IMMEDIATE"); !begun) return begun;
  const auto undo = [this](Error error) {
    sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    return error;
  };
  Statement add(database_.get(), kAdd);
  for (const auto& [whose, sum] : sums) {
    const auto& [day, key, model, tenant] = whose;
    add.reset();
    add.bind(day).bind(key).bind(model).bind(tenant);
    add.bind(sum.requests).bind(sum.refused);
    add.bind(sum.input_tokens).bind(sum.cached_tokens).bind(sum.output_tokens);
    add.bind(sum.wait_ms).bind(sum.queue_ms).bind(sum.compute_ms);
    if (add.step() != SQLITE_DONE) return undo(failure());
  }
  if (auto done = run("COMMIT"); !done) return undo(done.error());
  return {};
}

Result<std::vector<UsageRow>> LedgerDatabase::rows(const UsageQuery& query) {
  Where where;
  where.add("day >= ?", query.from);
  where.add("day <= ?", query.to);
  where.add("key = ?", query.key);
  where.add("model = ?", query.model);
  Statement select(database_.get(),
                   "SELECT day, key, model, sum(requests), sum(refused), sum(input_tokens), "
                   "sum(cached_tokens), sum(output_tokens), sum(wait_ms), sum(queue_ms), "
                   "sum(compute_ms) FROM usage" +
                       where.sql + " GROUP BY day, key, model ORDER BY day, key, model LIMIT " +
                       std::to_string(kMostUsageRows + 1));
  where.bind_to(select);
  std::vector<UsageRow> rows;
  int code = SQLITE_ROW;
  while ((code = select.step()) == SQLITE_ROW) {
    rows.push_back({.day = select.text(0),
                    .usage = {.key = select.text(1),
                              .tenant = {},
                              .model = select.text(2),
                              .requests = select.number(3),
                              .refused = select.number(4),
                              .input_tokens = select.number(5),
                              .cached_tokens = select.number(6),
                              .output_tokens = select.number(7),
                              .wait_ms = select.number(8),
                              .queue_ms = select.number(9),
                              .compute_ms = select.number(10)}});
  }
  if (code != SQLITE_DONE) return failure();
  return rows;
}

Result<Cost> LedgerDatabase::used(const QuotaQuery& query) {
  Where where;
  where.add("day >= ?", query.from_day);
  where.add("key = ?", query.key);
  where.add("tenant = ?", query.tenant);
  where.add("model = ?", query.model);
  Statement select(
      database_.get(),
      "SELECT sum(requests), sum(input_tokens), sum(cached_tokens), sum(output_tokens) FROM usage" +
          where.sql);
  where.bind_to(select);
  if (select.step() != SQLITE_ROW) return failure();
  return Cost{
      .requests = select.number(0),
      .input_tokens = weighted_input(select.number(1), select.number(2), query.cached_weight),
      .output_tokens = select.number(3)};
}

Result<int64_t> LedgerDatabase::number(const char* sql) {
  Statement statement(database_.get(), sql);
  if (statement.step() != SQLITE_ROW) return failure();
  return statement.number(0);
}

Result<void> LedgerDatabase::run(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure();
  return {};
}

Error LedgerDatabase::failure() const {
  switch (sqlite3_errcode(database_.get())) {
    case SQLITE_NOTADB:
      return refused("is no ledger of weir");
    case SQLITE_CORRUPT:
      return refused(std::string("is damaged: ") + sqlite3_errmsg(database_.get()));
    default:
      return {.code = Code::internal, .message = path_ + ": " + sqlite3_errmsg(database_.get())};
  }
}

Error LedgerDatabase::refused(const std::string& why) const {
  return {.code = Code::internal, .message = path_ + " " + why};
}

}  // namespace weir::traffic
