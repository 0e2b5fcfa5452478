#include "weir/base/file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace weir {
namespace {

using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  FileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-file-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~FileTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name = "f") const { return folder_ / name; }
  std::string write(const std::string& text) const {
    std::ofstream(path()) << text;
    return path();
  }
  static std::string refusal(const Result<std::string>& text) {
    return text ? "read: " + *text : text.error().message;
  }

  std::filesystem::path folder_;
};

TEST_F(FileTest, SaysWhatThePathIs) {
  EXPECT_THAT(refusal(read_text_file(path())), HasSubstr("/f cannot be read: No such file"));
  std::filesystem::create_symlink("gone/away", path("link"));
  EXPECT_THAT(refusal(read_text_file(path("link"))),
              HasSubstr("link is a link to gone/away, which is not there"));
  EXPECT_THAT(refusal(read_text_file(folder_)), HasSubstr("is a folder, not a regular file"));
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal(read_text_file(path("pipe"))), HasSubstr("is a pipe, not a regular file"));
  EXPECT_THAT(refusal(read_text_file("/dev/zero")), HasSubstr("is a device, not a regular file"));
  write("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n");
  EXPECT_THAT(refusal(read_text_file(path())), HasSubstr("is a git-lfs pointer, not the file"));
}

TEST_F(FileTest, ReadsTextOfAnyLength) {
  for (const std::string text : {"", "x", "{\"a\": 1}"})
    EXPECT_EQ(refusal(read_text_file(write(text))), "read: " + text);
  EXPECT_THAT(refusal(read_json_file(write(""))), HasSubstr("f is empty"));
  std::filesystem::resize_file(path(), kMostTextBytes + 1);  // takes no room on the disk
  EXPECT_THAT(refusal(read_text_file(path())), HasSubstr("bytes; at most 536870912 are read"));
}

TEST_F(FileTest, AFileThatIsCutShortIsAnErrorAndNoSignal) {
  auto file = File::open(write(std::string(100, 'x')));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE((*file)->check_unchanged());
  char bytes[100];
  EXPECT_TRUE((*file)->read(bytes, 100, 0));
  std::filesystem::resize_file(path(), 40);
  const auto read = (*file)->read(bytes, 100, 0);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("ends at byte 40; it had 100 when it was opened"));
  EXPECT_THAT((*file)->check_unchanged().error().message, HasSubstr("was written while it was"));
}

TEST_F(FileTest, DepthOfJsonIsBounded) {
  const auto nested = [](size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_TRUE(check_json_depth(nested(kMostJsonDepth), "x"));
  EXPECT_EQ(check_json_depth(nested(kMostJsonDepth + 1), "x").error().message,
            "x is nested deeper than 256 levels");
  EXPECT_FALSE(check_json_depth(std::string(100'000, '{'), "x"));
  // Brackets of strings are no levels, and levels that were left are none.
  EXPECT_TRUE(check_json_depth("[\"" + std::string(1000, '[') + "\\\"[[\"]", "x"));
  std::string many = "[";
  for (int i = 0; i < 1000; ++i) many += "{},";
  EXPECT_TRUE(check_json_depth(many, "x"));
}

}  // namespace
}  // namespace weir
