#include "app/fingerprints.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace weir::app {
namespace {

using namespace std::chrono_literals;

class FingerprintsTest : public ::testing::Test {
 protected:
  FingerprintsTest() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-files-XXXXXX").string();
    if (!::mkdtemp(name.data())) std::abort();
    folder_ = name;
  }
  ~FingerprintsTest() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name) << content;
    return (folder_ / name).string();
  }
  static std::string wait_for(const Later<std::string>& value) {
    for (int i = 0; i < 1000 && !value.get(); ++i) std::this_thread::sleep_for(10ms);
    return value.get() ? *value.get() : "unknown";
  }

  std::filesystem::path folder_;
  Fingerprints fingerprints_;
};

// printf abc | sha256sum: ba7816bf8f01cfea...
TEST_F(FingerprintsTest, AFingerprintIsTheBeginningOfTheSha256) {
  EXPECT_EQ(wait_for(*fingerprints_.of("one", {file("a", "abc")})), "fp_ba7816bf8f01");
}

TEST_F(FingerprintsTest, FilesCountAsOneAfterAnother) {
  EXPECT_EQ(wait_for(*fingerprints_.of("two", {file("a", "a"), file("b", "bc")})),
            "fp_ba7816bf8f01");
}

// The last byte of a file of several pieces counts as the first one does.
TEST_F(FingerprintsTest, EveryByteCounts) {
  std::string bytes(3 << 20, 'x');
  const std::string whole = wait_for(*fingerprints_.of("one", {file("a", bytes)}));
  for (const size_t at : {size_t{0}, bytes.size() / 2 + 1, bytes.size() - 1}) {
    std::string other = bytes;
    other[at] = 'y';
    EXPECT_NE(wait_for(*fingerprints_.of("other", {file("b", other)})), whole) << at;
  }
}

TEST_F(FingerprintsTest, AFileThatCannotBeReadLeavesItUnknownAndTheOthersAreComputed) {
  const auto missing = fingerprints_.of("missing", {(folder_ / "none").string()});
  EXPECT_EQ(wait_for(*fingerprints_.of("one", {file("a", "abc")})), "fp_ba7816bf8f01");
  EXPECT_EQ(missing->get(), nullptr);
}

}  // namespace
}  // namespace weir::app
