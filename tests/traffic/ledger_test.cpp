#include "weir/traffic/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace weir::traffic {
namespace {

namespace fs = std::filesystem;
using std::chrono::sys_days;

/// A folder of this test's own and a ledger in it whose day can be set.
class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    std::string name = fs::temp_directory_path() / "weir-ledger-XXXXXX";
    root_ = mkdtemp(name.data());
  }
  ~LedgerTest() override {
    ledger_.reset();
    fs::remove_all(root_);
  }

  std::string dir() const { return root_ / "data"; }
  fs::path file() const { return root_ / "data" / "usage.sqlite"; }

  Result<std::unique_ptr<Ledger>> try_open(std::chrono::milliseconds flush_every = 1ms) {
    return open_ledger(dir(), {.flush_every = flush_every, .now = [this] {
                                 return std::chrono::system_clock::time_point(now_.load());
                               }});
  }
  Ledger& open(std::chrono::milliseconds flush_every = 1ms) {
    auto opened = try_open(flush_every);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    ledger_ = *std::move(opened);
    return *ledger_;
  }
  void close() { ledger_.reset(); }
  void set_day(int year, unsigned month, unsigned day) {
    now_ = sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day))
               .time_since_epoch() +
           12h;
  }

  std::string refusal() {
    auto opened = try_open();
    if (!opened) return opened.error().message;
    return "opened";
  }

  /// Runs SQL on the file, as somebody else.
  void run(const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
    char* why = nullptr;
    ASSERT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, &why), SQLITE_OK) << why;
    sqlite3_close(database);
  }

  fs::path root_;
  std::atomic<std::chrono::system_clock::duration> now_{
      sys_days(std::chrono::year(2026) / 11 / 24).time_since_epoch() + 12h};
  std::unique_ptr<Ledger> ledger_;
};

/// What is logged while it lives. Thread-safe.
class RecordedLog {
 public:
  RecordedLog() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("recorded", lines_));
  }
  ~RecordedLog() { spdlog::set_default_logger(before_); }

  size_t count(const std::string& words) const {
    size_t found = 0;
    for (const std::string& line : lines_->last_formatted())
      found += line.find(words) != std::string::npos;
    return found;
  }
  void wait_for(const std::string& words) const {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (count(words) == 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "not logged: " << words;
      std::this_thread::sleep_for(5ms);
    }
  }

 private:
  const std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> lines_ =
      std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100);
  const std::shared_ptr<spdlog::logger> before_;
};

UsageEntry entry(std::string key, int64_t requests, int64_t input, int64_t output) {
  return {.key = key,
          .tenant = "tenant of " + key,
          .model = "m",
          .requests = requests,
          .input_tokens = input,
          .output_tokens = output};
}

UsageRow row(std::string day, UsageEntry usage) {
  usage.tenant.clear();
  return {std::move(day), std::move(usage)};
}

std::vector<UsageRow> rows(Ledger& ledger, const UsageQuery& query = {}) {
  auto found = ledger.query(query);
  EXPECT_TRUE(found) << (found ? "" : found.error().message);
  return found ? *found : std::vector<UsageRow>();
}

void wait_until_read(const std::string& dir, const UsageQuery& query, size_t count) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < until) {
    auto read = read_usage(dir, query);
    if (read && read->size() == count) return;
    std::this_thread::sleep_for(5ms);
  }
  FAIL() << "not " << count << " rows on disk after 20 s";
}

TEST_F(LedgerTest, SumsByDayKeyAndModel) {
  Ledger& ledger = open(1h);
  const UsageEntry full{.key = "web",
                        .tenant = "shop",
                        .model = "m",
                        .requests = 1,
                        .refused = 2,
                        .input_tokens = 3,
                        .cached_tokens = 4,
                        .output_tokens = 5,
                        .wait_ms = 6,
                        .queue_ms = 7,
                        .compute_ms = 8};
  ledger.add(full);
  ledger.add(full);
  UsageEntry other = full;
  other.model = "n";
  ledger.add(other);
  set_day(2026, 11, 25);
  ledger.add(full);
  EXPECT_THAT(rows(ledger), ElementsAre(row("2026-11-24", {.key = "web",
                                                           .model = "m",
                                                           .requests = 2,
                                                           .refused = 4,
                                                           .input_tokens = 6,
                                                           .cached_tokens = 8,
                                                           .output_tokens = 10,
                                                           .wait_ms = 12,
                                                           .queue_ms = 14,
                                                           .compute_ms = 16}),
                                        row("2026-11-24", other), row("2026-11-25", full)));
}

TEST_F(LedgerTest, WrittenAndUnwrittenCountOnce) {
  open(1h).add(entry("a", 1, 10, 100));
  close();
  Ledger& ledger = open(1h);
  ledger.add(entry("a", 2, 20, 200));
  ledger.add(entry("b", 1, 1, 1));
  EXPECT_THAT(rows(ledger), ElementsAre(row("2026-11-24", entry("a", 3, 30, 300)),
                                        row("2026-11-24", entry("b", 1, 1, 1))));
}

TEST_F(LedgerTest, QueriesChoose) {
  Ledger& ledger = open(1h);
  for (unsigned day : {10u, 20u, 30u}) {
    set_day(2026, 10, day);
    ledger.add(entry("a", day, 0, 0));
    ledger.add(entry("b", day, 0, 0));
  }
  close();
  Ledger& again = open(1h);
  set_day(2026, 10, 31);
  again.add(entry("a", 31, 0, 0));
  EXPECT_EQ(rows(again).size(), 7u);
  EXPECT_THAT(
      rows(again, {.from = "2026-10-20", .key = "a"}),
      ElementsAre(row("2026-10-20", entry("a", 20, 0, 0)), row("2026-10-30", entry("a", 30, 0, 0)),
                  row("2026-10-31", entry("a", 31, 0, 0))));
  EXPECT_THAT(rows(again, {.to = "2026-10-10", .key = "b"}),
              ElementsAre(row("2026-10-10", entry("b", 10, 0, 0))));
  EXPECT_THAT(rows(again, {.model = "other"}), IsEmpty());
  EXPECT_EQ(rows(again, {.model = "m"}).size(), 7u);
  EXPECT_THAT(rows(again, {.from = "2026-09-01", .to = "2026-09-30"}), IsEmpty());
}

TEST_F(LedgerTest, WrongDaysAreNamed) {
  Ledger& ledger = open();
  const auto refused = [&](UsageQuery query) {
    auto found = ledger.query(query);
    EXPECT_FALSE(found);
    EXPECT_EQ(found.error().code, Code::invalid_argument);
    return found.error();
  };
  EXPECT_THAT(refused({.from = "yesterday"}).message, HasSubstr("\"yesterday\""));
  EXPECT_EQ(refused({.from = "yesterday"}).param, "from");
  for (const char* day : {"2026-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "2026-11-24 ",
                          "0000-01-01", "2026-11-2x", "+026-11-24", "2026/11/24"}) {
    EXPECT_EQ(refused({.to = day}).param, "to") << day;
  }
  EXPECT_THAT(refused({.from = "2026-11-25"}).message,
              HasSubstr("from 2026-11-25 is after to 2026-11-24"));
  EXPECT_THAT(refused({.from = "2025-01-01", .to = "2026-01-02"}).message,
              HasSubstr("spans 367 days; the limit is 366"));
  EXPECT_THAT(rows(ledger, {.from = "2024-02-29", .to = "2025-02-27"}), IsEmpty());
}

TEST_F(LedgerTest, UsedCountsADayOrMonthOfKeyTenantAndModel) {
  Ledger* ledger = &open(1h);
  set_day(2026, 10, 31);
  ledger->add(entry("a", 1, 10, 100));
  set_day(2026, 11, 1);
  ledger->add(entry("a", 1, 11, 101));
  close();
  ledger = &open(1h);
  ledger->add(entry("a", 1, 12, 102));
  UsageEntry sibling = entry("b", 1, 13, 103);
  sibling.tenant = "tenant of a";
  sibling.model = "n";
  ledger->add(sibling);
  const auto used = [&](const QuotaQuery& query) {
    const Cost cost = ledger->used(query);
    return std::vector<int64_t>{cost.requests, cost.input_tokens, cost.output_tokens};
  };
  EXPECT_THAT(used({.key = "a", .from_day = "2026-11-01"}), ElementsAre(2, 23, 203));
  EXPECT_THAT(used({.key = "a", .from_day = "2026-10-01"}), ElementsAre(3, 33, 303));
  EXPECT_THAT(used({.tenant = "tenant of a", .from_day = "2026-11-01"}), ElementsAre(3, 36, 306));
  EXPECT_THAT(used({.model = "n", .from_day = "2026-11-01"}), ElementsAre(1, 13, 103));
  EXPECT_THAT(used({.key = "a", .model = "n", .from_day = "2026-11-01"}), ElementsAre(0, 0, 0));
}

TEST_F(LedgerTest, UsedWeighsCachedTokensOnDiskAndInMemory) {
  Ledger* ledger = &open(1h);
  UsageEntry cached = entry("a", 1, 100, 10);
  cached.cached_tokens = 80;
  ledger->add(cached);
  const auto input = [&](double weight) {
    return ledger->used({.key = "a", .from_day = "2026-11-01", .cached_weight = weight})
        .input_tokens;
  };
  for (bool on_disk : {false, true}) {
    if (on_disk) ledger->flush();
    EXPECT_EQ(input(1), 100);
    EXPECT_EQ(input(0.1), 28);
    EXPECT_EQ(input(0), 20);
  }
}

TEST_F(LedgerTest, WritesByItselfAndIsReadBesideIt) {
  Ledger& ledger = open(1ms);
  ledger.add(entry("a", 1, 2, 3));
  wait_until_read(dir(), {.to = "2026-11-24"}, 1);
  EXPECT_THAT(rows(ledger), ElementsAre(row("2026-11-24", entry("a", 1, 2, 3))));
}

TEST_F(LedgerTest, ManyThreadsLoseNothing) {
  Ledger& ledger = open(1ms);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) ledger.add(entry("a", 1, 2, 3));
    });
  }
  int64_t last = 0;
  while (last < 4 * 2000) {
    auto found = rows(ledger);
    const int64_t now = found.empty() ? 0 : found[0].usage.requests;
    ASSERT_GE(now, last);
    last = now;
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(rows(ledger), ElementsAre(row("2026-11-24", entry("a", 8000, 16000, 24000))));
}

TEST_F(LedgerTest, OneProcessHoldsTheFolder) {
  open();
  auto second = try_open();
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message,
              HasSubstr("in use by another weir, process " + std::to_string(getpid())));
  close();
  EXPECT_TRUE(try_open());
}

TEST_F(LedgerTest, TheFoldersParentMustBeThere) {
  auto opened = open_ledger((root_ / "no" / "such").string());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("No such file or directory"));
}

TEST_F(LedgerTest, AnUnknownVersionIsRefused) {
  open();
  close();
  run("PRAGMA user_version = 2");
  EXPECT_THAT(refusal(), HasSubstr("usage.sqlite has version 2; this weir knows version 1"));
}

TEST_F(LedgerTest, AnotherProgramsFileIsRefusedAndLeftAsItIs) {
  open();
  close();
  fs::remove(file());
  run("CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)");
  const auto size = fs::file_size(file());
  EXPECT_THAT(refusal(), HasSubstr("usage.sqlite is no ledger of weir"));
  EXPECT_EQ(fs::file_size(file()), size);
  EXPECT_FALSE(fs::exists(file().string() + "-wal"));
  std::ofstream(file()) << std::string(5000, 'x');
  EXPECT_THAT(refusal(), HasSubstr("usage.sqlite is no ledger of weir"));
}

TEST_F(LedgerTest, ADamagedFileIsRefused) {
  Ledger& ledger = open(1h);
  for (int i = 0; i < 2000; ++i) ledger.add(entry("key-" + std::to_string(i), 1, 1, 1));
  close();
  const auto size = fs::file_size(file());
  ASSERT_GT(size, 40000u);
  std::fstream damage(file(), std::ios::in | std::ios::out | std::ios::binary);
  damage.seekp(static_cast<std::streamoff>(size / 2));
  damage << std::string(8192, '\xA5');
  damage.close();
  EXPECT_THAT(refusal(), HasSubstr("usage.sqlite is damaged"));
}

TEST_F(LedgerTest, ADiskThatFailsIsTriedAgain) {
  const RecordedLog log;
  Ledger& ledger = open(1ms);
  ledger.add(entry("a", 1, 1, 1));
  wait_until_read(dir(), {.to = "2026-11-24"}, 1);
  // No file may grow: as a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit full{.rlim_cur = 1, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  ledger.add(entry("b", 1, 2, 3));
  log.wait_for("usage cannot be written");
  auto during = ledger.query({});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_TRUE(during);
  EXPECT_EQ(during->size(), 2u);
  log.wait_for("usage is written again");
  wait_until_read(dir(), {.to = "2026-11-24"}, 2);
  EXPECT_THAT(rows(ledger), ElementsAre(row("2026-11-24", entry("a", 1, 1, 1)),
                                        row("2026-11-24", entry("b", 1, 2, 3))));
  EXPECT_EQ(log.count("usage cannot be written"), 1u);
}

TEST_F(LedgerTest, AFolderThatIsTakenAwayIsToldAndNothingIsLost) {
  const RecordedLog log;
  Ledger& ledger = open(1ms);
  ledger.add(entry("a", 1, 1, 1));
  wait_until_read(dir(), {.to = "2026-11-24"}, 1);
  fs::rename(dir(), root_ / "away");
  ledger.add(entry("b", 1, 2, 3));
  log.wait_for("usage.sqlite is gone");
  fs::rename(root_ / "away", dir());
  log.wait_for("usage is written again");
  wait_until_read(dir(), {.to = "2026-11-24"}, 2);
}

TEST_F(LedgerTest, AFileThatIsReplacedIsNotWritten) {
  const RecordedLog log;
  Ledger& ledger = open(1ms);
  fs::copy_file(file(), root_ / "other");
  fs::rename(root_ / "other", file());
  ledger.add(entry("a", 1, 1, 1));
  log.wait_for("usage.sqlite is another file than the one that was opened");
}

/// A folder and its files that nobody may write, read as a user for whom that counts.
class Unwritable {
 public:
  explicit Unwritable(const fs::path& folder) : folder_(folder) {
    fs::permissions(folder.parent_path(), fs::perms(0755));
    for (const auto& each : fs::directory_iterator(folder)) fs::permissions(each, fs::perms(0444));
    fs::permissions(folder, fs::perms(0555));
    if (was_root_) {
      EXPECT_EQ(seteuid(65534), 0);
    }
  }
  ~Unwritable() {
    if (was_root_) {
      EXPECT_EQ(seteuid(0), 0);
    }
    fs::permissions(folder_, fs::perms(0755));
  }

 private:
  const fs::path folder_;
  const bool was_root_ = geteuid() == 0;
};

TEST_F(LedgerTest, AFolderThatCannotBeWrittenCanBeRead) {
  open(1ms).add(entry("a", 1, 1, 1));
  close();
  const Unwritable folder(dir());
  auto read = read_usage(dir(), {.from = "2026-11-24", .to = "2026-11-24"});
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(*read, ElementsAre(row("2026-11-24", entry("a", 1, 1, 1))));
}

TEST_F(LedgerTest, WhatAWriterLeftBesideAFolderThatCannotBeWrittenIsNamed) {
  open(1ms).add(entry("a", 1, 1, 1));
  close();
  std::ofstream(file().string() + "-wal") << "pages";
  const Unwritable folder(dir());
  auto read = read_usage(dir(), {});
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("usage.sqlite-wal holds usage that is not in"));
}

TEST_F(LedgerTest, AnAnswerIsBounded) {
  Ledger& ledger = open(1h);
  for (size_t i = 0; i <= kMostUsageRows; ++i) {
    ledger.add(entry(std::string("k").append(std::to_string(i)), 1, 1, 1));
  }
  auto found = ledger.query({});
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("more than 100000 rows"));
  EXPECT_EQ(rows(ledger, {.key = "k7"}).size(), 1u);
}

TEST_F(LedgerTest, ReadingWhatIsNotThereFails) {
  auto read = read_usage(dir(), {});
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("usage.sqlite"));
}

}  // namespace
}  // namespace weir::traffic
