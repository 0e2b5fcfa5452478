#include "weir/base/log_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <sstream>
#include <string>

using namespace std::chrono_literals;

namespace weir {
namespace {

constexpr auto kAges = 20s;  // a reader that reads is never waited for so long

/// A pipe of one page, whose reader stands still until it is asked.
class Pipe {
 public:
  Pipe() {
    EXPECT_EQ(pipe(ends_), 0);
    fcntl(ends_[1], F_SETPIPE_SZ, 4096);
  }
  ~Pipe() { close(ends_[0]), close(ends_[1]); }
  int in() const { return ends_[1]; }
  void close_reader() {
    close(ends_[0]);
    ends_[0] = open("/dev/null", O_RDONLY);
  }
  /// Reads until `text` ends it.
  std::string read_until(const std::string& text) {
    return read_until([&](const std::string& all) { return all.ends_with(text); });
  }
  /// Reads until `enough` says so of all that was read.
  std::string read_until(const std::function<bool(const std::string&)>& enough) {
    std::string all;
    char buffer[4096];
    while (!enough(all)) {
      const ssize_t count = read(ends_[0], buffer, sizeof buffer);
      if (count <= 0) break;
      all.append(buffer, static_cast<size_t>(count));
    }
    return all;
  }

 private:
  int ends_[2];
};

std::string told(uint64_t count) { return "dropped " + std::to_string(count) + "\n"; }

/// The sum of all told() in `text`, whose last line is whole.
uint64_t sum_told(const std::string& text) {
  if (!text.ends_with('\n')) return 0;
  uint64_t sum = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("dropped ")) sum += std::stoull(line.substr(8));
  return sum;
}

TEST(LogWriter, LinesComeInOrder) {
  Pipe pipe;
  LogWriter writer({.file = pipe.in()});
  std::string all;
  for (int i = 0; i < 100; ++i) {
    all += "line " + std::to_string(i) + "\n";
    writer.put("line " + std::to_string(i) + "\n");
  }
  EXPECT_EQ(pipe.read_until("line 99\n"), all);
  EXPECT_TRUE(writer.drain(kAges));
  EXPECT_EQ(writer.dropped(), 0u);
}

TEST(LogWriter, AReaderThatStandsStillHoldsUpNobodyAndWhatIsDroppedIsTold) {
  Pipe pipe;
  LogWriter writer({.file = pipe.in(), .most_bytes = 10'000, .dropped_line = told});
  const std::string line(99, 'x');
  for (int i = 0; i < 1000; ++i)
    writer.put(line + "\n");  // 100 kB: neither pipe nor queue takes it
  const uint64_t dropped = writer.dropped();
  EXPECT_GE(dropped, 800u);
  EXPECT_FALSE(writer.drain(10ms));
  // Told in one line or in several, as lines found room again in between.
  const std::string all =
      pipe.read_until([&](const std::string& read) { return sum_told(read) == dropped; });
  EXPECT_EQ(std::count(all.begin(), all.end(), 'x'), static_cast<long>((1000 - dropped) * 99));
  EXPECT_TRUE(writer.drain(kAges));
  writer.put("again\n");
  EXPECT_EQ(pipe.read_until("again\n"), "again\n");
}

TEST(LogWriter, EndsThoughItsReaderStandsStill) {
  Pipe pipe;
  {
    LogWriter writer({.file = pipe.in()});
    writer.put(std::string(100'000, 'x') + "\n");
  }
  SUCCEED();
}

TEST(LogWriter, AReaderThatIsGoneCountsAsDropped) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.close_reader();
  LogWriter writer({.file = pipe.in(), .dropped_line = told});
  writer.put("line\n");
  EXPECT_TRUE(writer.drain(kAges));
  EXPECT_EQ(writer.dropped(), 1u);
}

}  // namespace
}  // namespace weir
