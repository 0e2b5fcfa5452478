#include <ATen/ops/empty.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "nn/not_finite.h"
#include "nn/safetensors_file.h"
#include "weir/base/access.h"
#include "weir/base/excerpt.h"
#include "weir/nn/config.h"
#include "weir/nn/weights.h"

namespace weir::nn {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWhole = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

/// Also true of a link to nothing, whose message says more than "it is not there".
bool stands_at(const fs::path& path) {
  const auto there = is_there(path);
  if (!there) throw LoadError(there.error().message);
  return *there;
}

[[noreturn]] void refuse_folder(const fs::path& folder) {
  std::string found;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder, failure)) {
    const std::string kind = entry.path().extension();
    if (kind == ".bin" || kind == ".pt" || kind == ".pth" || kind == ".gguf" ||
        kind == ".safetensors")
      found += (found.empty() ? "; it has " : ", ") + entry.path().filename().string();
  }
  throw LoadError(folder.string() + " has no " + kWhole + " and no " + kIndex +
                  ", and nothing else is read" + found);
}

class SafetensorsWeights final : public Weights {
 public:
  SafetensorsWeights(const std::string& directory, Numbers numbers,
                     std::function<void(uint64_t)> read)
      : numbers_read_(numbers == Numbers::read), read_(std::move(read)) {
    const fs::path folder(directory);
    const bool whole = stands_at(folder / kWhole), index = stands_at(folder / kIndex);
    if (!whole && !index) refuse_folder(folder);
    if (whole)
      add_file(folder / kWhole, {});
    else
      add_shards(folder);
    if (whole && index)
      warnings_.push_back(std::string(kIndex) + " is not read: there is a " + kWhole);
  }

  /// One file, whose tensors' shapes head.json says.
  SafetensorsWeights(const std::string& path, Numbers numbers)
      : numbers_read_(numbers == Numbers::read), shapes_by_("head.json") {
    add_file(path, {});
  }

  bool has(const std::string& name) const override { return tensors_.count(name) != 0; }

  at::Tensor get(const std::string& name, at::IntArrayRef shape) override {
    auto found = tensors_.find(name);
    if (found == tensors_.end()) throw LoadError("the checkpoint has no tensor " + name);
    const TensorPlace& place = found->second;
    if (at::IntArrayRef(place.shape) != shape)
      throw LoadError("tensor " + name + " has the shape " + shape_text(place.shape) + "; " +
                      shapes_by_ + " says " + shape_text(shape));
    if (!place.type)
      throw LoadError("tensor " + name + " is " + place.dtype + "; F32, F16 and BF16 are read");
    const bool first = used_.insert(name).second;
    const auto options = at::TensorOptions().dtype(*place.type);
    if (!numbers_read_) return at::empty(shape, options.device(at::kMeta));
    at::Tensor tensor = at::empty(shape, options);
    must(place.file->read(tensor.mutable_data_ptr(), place.bytes, place.begin));
    if (first) look_through(name, tensor, place.bytes);
    return tensor;
  }

  std::vector<std::string> unused() const override {
    std::vector<std::string> names;
    for (const auto& [name, place] : tensors_)
      if (!used_.count(name)) names.push_back(name);
    return names;
  }

  std::vector<std::string> warnings() const override {
    if (not_finite_.empty()) return warnings_;
    auto all = warnings_;
    all.push_back(not_finite_text());
    return all;
  }
  uint64_t bytes() const override { return bytes_; }
  uint64_t bytes_as(at::ScalarType type) const override {
    return numbers_ * c10::elementSize(type);
  }

  std::vector<std::string> files() const override { return files_; }

  void check_unchanged() const override {
    for (const auto& [name, place] : tensors_) must(place.file->check_unchanged());
  }

 private:
  using FileOfTensor = std::map<std::string, std::string>;

  static void must(const Result<void>& done) {
    if (!done) throw LoadError(done.error().message);
  }

  /// A tensor that is read for the first time: it is in the cache now.
  void look_through(const std::string& name, const at::Tensor& tensor, uint64_t bytes) {
    if (const int64_t count = count_not_finite(tensor)) not_finite_.emplace_back(name, count);
    handed_out_ += bytes;
    if (read_) read_(handed_out_);
  }

  std::string not_finite_text() const {
    constexpr size_t kMostNamed = 5;
    std::string text = "weights that are NaN or infinite: ";
    for (size_t i = 0; i < std::min(not_finite_.size(), kMostNamed); ++i)
      text += (i ? ", " : "") + std::to_string(not_finite_[i].second) + " of " +
              excerpt(not_finite_[i].first);
    return text + (not_finite_.size() > kMostNamed ? ", ..." : "");
  }

  void add_shards(const fs::path& folder) {
    ConfigFile index = ConfigFile::read((folder / kIndex).string());
    auto map = index.object("weight_map");
    if (!map) index.refuse("weight_map is missing");
    FileOfTensor file_of;
    std::set<std::string> files;
    for (const auto& [tensor, file] : map->json().items()) {
      // A shard's name must stay inside the folder.
      if (!file.is_string() || file.get<std::string>().find('/') != std::string::npos)
        map->refuse(tensor + " is " + file.dump() + ", not a file of this folder");
      files.insert(file_of[tensor] = file.get<std::string>());
    }
    for (const auto& file : files) add_file(folder / file, file_of);
  }

  /// Takes the tensors of a file but those that `file_of` says are another's.
  void add_file(const fs::path& path, const FileOfTensor& file_of) {
    SafetensorsFile in = read_safetensors_header(path.string());
    files_.push_back(path.string());
    if (numbers_read_) in.file->expect_all();
    for (auto& [name, place] : in.tensors) {
      const auto mapped = file_of.find(name);
      if (mapped != file_of.end() && mapped->second != path.filename()) continue;
      bytes_ += place.bytes;
      numbers_ += place.numbers;
      const auto [there, added] = tensors_.emplace(name, std::move(place));
      if (!added)
        throw LoadError("tensor " + name + " is in " + there->second.file->path() + " and in " +
                        path.string() + ", and weight_map does not say which to take");
    }
  }

  const bool numbers_read_;
  const std::string shapes_by_ = "config.json";
  std::function<void(uint64_t)> read_;
  std::vector<std::string> files_;
  std::map<std::string, TensorPlace> tensors_;
  std::set<std::string> used_;
  std::vector<std::string> warnings_;
  std::vector<std::pair<std::string, int64_t>> not_finite_;  // a tensor and how many of its numbers
  uint64_t bytes_ = 0, numbers_ = 0, handed_out_ = 0;
};

}  // namespace

std::unique_ptr<Weights> open_safetensors(const std::string& directory, Numbers numbers,
                                          std::function<void(uint64_t)> read) {
  return std::make_unique<SafetensorsWeights>(directory, numbers, std::move(read));
}

std::unique_ptr<Weights> open_head_weights(const std::string& path, Numbers numbers) {
  return std::make_unique<SafetensorsWeights>(path, numbers);
}

}  // namespace weir::nn
