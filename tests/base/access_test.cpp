#include "weir/base/access.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "weir/base/file.h"

namespace weir {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    fs::create_directories(folder_ / "in");
    std::ofstream(folder_ / "in" / "file") << "x";
    chmod(folder_.c_str(), 0755);  // whatever the umask
  }
  ~AccessTest() override {
    if (root_) static_cast<void>(seteuid(0));
    chmod((folder_ / "in").c_str(), 0700);
    fs::remove_all(folder_);
  }

  /// From now on as a user whom modes bind.
  void become_plain() {
    if (root_) {
      ASSERT_EQ(seteuid(10001), 0);
    }
  }

  const bool root_ = geteuid() == 0;
  const fs::path folder_ = fs::temp_directory_path() / ("weir_access_" + std::to_string(getpid()));
  const std::string file_ = folder_ / "in" / "file";
};

TEST_F(AccessTest, WhatIsNotThereIsNoError) {
  EXPECT_TRUE(*is_there(file_));
  EXPECT_FALSE(*is_there(file_ + "x"));
  EXPECT_FALSE(*is_there(file_ + "/below"));
  fs::create_symlink("nothing", folder_ / "link");
  EXPECT_TRUE(*is_there(folder_ / "link"));
}

TEST_F(AccessTest, ADeniedFolderIsNamedWithItsOwnerAndWhoAsks) {
  chmod((folder_ / "in").c_str(), 0);
  become_plain();
  const auto there = is_there(file_);
  ASSERT_FALSE(there);
  EXPECT_THAT(there.error().message,
              HasSubstr(file_ + " cannot be read: Permission denied: user " +
                        std::to_string(geteuid()) + " may not enter " + (folder_ / "in").string() +
                        " (mode 0000, owner " + std::to_string(getuid()) + ")"));
  EXPECT_THAT(read_text_file(file_).error().message, HasSubstr("may not enter"));
}

TEST_F(AccessTest, ADeniedFileIsNamed) {
  chmod(file_.c_str(), 0200);
  become_plain();
  EXPECT_TRUE(*is_there(file_));
  EXPECT_THAT(read_text_file(file_).error().message,
              HasSubstr("Permission denied: user " + std::to_string(geteuid()) + " may not read " +
                        file_ + " (mode 0200, owner"));
}

TEST_F(AccessTest, ALinkIsFollowedToWhatIsDenied) {
  fs::create_symlink("in/file", folder_ / "link");
  chmod((folder_ / "in").c_str(), 0);
  become_plain();
  EXPECT_THAT(read_text_file(folder_ / "link").error().message,
              HasSubstr("may not enter " + (folder_ / "in").string()));
}

TEST_F(AccessTest, OtherReasonsAreTheSystems) {
  EXPECT_EQ(reason_of(ENOSPC, file_), "No space left on device");
}

}  // namespace
}  // namespace weir
