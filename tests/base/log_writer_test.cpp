#include "weir/base/log_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

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
    std::string all;
    char buffer[4096];
    while (!all.ends_with(text)) {
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
  const std::string all = pipe.read_until(told(dropped));
  EXPECT_EQ(all.size(), (1000 - dropped) * 100 + told(dropped).size());
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
