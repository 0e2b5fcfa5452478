#pragma once

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/tiny_model.h"

namespace weir::engine::test {

/// A copy of a folder of tests/golden/tiny that a test may spoil, gone with the test.
class FolderCopy {
 public:
  explicit FolderCopy(const std::string& name) : folder_("{}") {
    namespace fs = std::filesystem;
    fs::copy("tests/golden/tiny/" + name, folder_.path(),
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  }

  std::string path() const { return folder_.path(); }
  std::filesystem::path operator/(const std::string& name) const {
    return std::filesystem::path(path()) / name;
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(*this / name, std::ios::binary) << text;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(*this / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// Merges `patch` into a JSON file of the folder.
  void patch(const std::string& name, const std::string& patch) const {
    auto json = nlohmann::json::parse(read(name));
    json.merge_patch(nlohmann::json::parse(patch));
    write(name, json.dump());
  }

  /// Of model.safetensors, whose numbers stay where they are.
  void rename_tensor(const std::string& from, const std::string& to) const {
    const std::string old = read("model.safetensors");
    auto header = nlohmann::json::parse(old.substr(sizeof(uint64_t), header_size(old)));
    header[to] = header.at(from);
    header.erase(from);
    const std::string text = header.dump();
    const uint64_t size = text.size();
    std::string length(sizeof size, '\0');
    std::memcpy(length.data(), &size, sizeof size);
    write("model.safetensors", length + text + old.substr(sizeof size + header_size(old)));
  }

  /// "accepted" or the message, of describe() and load(), which must agree.
  std::string verdict(LoadOptions options = {}) const {
    options.directory = path();
    options.pages = 4;
    const auto described = describe(options, arch::table(), DeviceKind::cpu);
    Progress progress;
    const auto loaded = load(options, arch::table(), cpu(), progress);
    const std::string checked = described ? "accepted" : described.error().message,
                      served = loaded ? "accepted" : loaded.error().message;
    EXPECT_EQ(checked, served);
    return checked;
  }

 private:
  static uint64_t header_size(const std::string& file) {
    uint64_t size = 0;
    std::memcpy(&size, file.data(), sizeof size);
    return size;
  }

  ModelFolder folder_;
};

}  // namespace weir::engine::test
