#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace weir::text {

// Tests run in the repository's root.
inline const std::string kGoldens = "tests/golden/text/";
inline const std::string kModels = "models/downloaded/";

using Json = nlohmann::ordered_json;

inline std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

inline Json golden(const std::string& name) { return Json::parse(file_text(kGoldens + name)); }

/// A folder of its own with the given files, gone at the end.
class Folder {
 public:
  explicit Folder(const std::map<std::string, std::string>& files) {
    std::string name = testing::TempDir() + "weir_text_XXXXXX";
    path_ = mkdtemp(name.data());
    for (const auto& [file, text] : files) {
      std::ofstream(path_ + "/" + file, std::ios::binary) << text;
    }
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace weir::text
