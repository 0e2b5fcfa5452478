#include <ATen/ops/from_blob.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cinttypes>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <set>

#include "weir/nn/config.h"
#include "weir/nn/weights.h"

namespace weir::nn {
namespace {

/// A whole file, read-only, until the last tensor on it is gone.
class Mapping {
 public:
  explicit Mapping(const std::string& path) {
    int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info {};
    if (file < 0 || ::fstat(file, &info) != 0) {
      if (file >= 0) ::close(file);
      throw LoadError(path + " cannot be read: " + std::strerror(errno));
    }
    size_ = static_cast<size_t>(info.st_size);
    data_ = size_ ? ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, file, 0)
                  : MAP_FAILED;
    ::close(file);
    if (data_ == MAP_FAILED)
      throw LoadError(path + " cannot be mapped: " + std::to_string(size_) + " bytes");
    ::madvise(data_, size_, MADV_WILLNEED);
  }
  ~Mapping() { ::munmap(data_, size_); }
  Mapping(const Mapping&) = delete;
  void drop_pages() { ::madvise(data_, size_, MADV_DONTNEED); }
  const char* data() const { return static_cast<const char*>(data_); }
  size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

struct Entry {
  std::shared_ptr<Mapping> file;
  size_t begin = 0, bytes = 0;
  at::ScalarType type = at::kFloat;
  std::vector<int64_t> shape;
};

const std::map<std::string, at::ScalarType>& types() {
  static const std::map<std::string, at::ScalarType> table{{"F32", at::kFloat},
                                                           {"F16", at::kHalf},
                                                           {"BF16", at::kBFloat16},
                                                           {"I64", at::kLong},
                                                           {"I32", at::kInt}};
  return table;
}

uint64_t fnv1a(uint64_t hash, const char* data, size_t size) {
  for (size_t i = 0; i < size; ++i)
    hash = (hash ^ static_cast<unsigned char>(data[i])) * 0x100000001b3ull;
  return hash;
}

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

class SafetensorsWeights final : public Weights {
 public:
  SafetensorsWeights(const std::string& directory, std::function<void(uint64_t)> read)
      : read_(std::move(read)) {
    std::filesystem::path folder(directory);
    if (std::filesystem::exists(folder / "model.safetensors.index.json")) {
      add_shards(folder);
    } else {
      add_file((folder / "model.safetensors").string());
    }
  }

  bool has(const std::string& name) const override { return entries_.count(name) != 0; }

  at::Tensor get(const std::string& name, at::IntArrayRef shape) override {
    auto found = entries_.find(name);
    if (found == entries_.end()) throw LoadError("the checkpoint has no tensor " + name);
    const Entry& entry = found->second;
    if (at::IntArrayRef(entry.shape) != shape)
      throw LoadError("tensor " + name + " has the shape " + shape_text(entry.shape) +
                      "; config.json says " + shape_text(shape));
    if (used_.insert(name).second) {
      handed_out_ += entry.bytes;
      if (read_) read_(handed_out_);
    }
    auto keep = entry.file;
    return at::from_blob(
        const_cast<char*>(entry.file->data() + entry.begin), entry.shape, [keep](void*) {},
        at::TensorOptions().dtype(entry.type));
  }

  std::vector<std::string> unused() const override {
    std::vector<std::string> names;
    for (const auto& [name, entry] : entries_)
      if (!used_.count(name)) names.push_back(name);
    return names;
  }

  uint64_t bytes() const override { return bytes_; }
  uint64_t bytes_as(at::ScalarType type) const override {
    return numbers_ * c10::elementSize(type);
  }

  std::string fingerprint() const override {
    char text[17];
    std::snprintf(text, sizeof text, "%016" PRIx64, hash_);
    return std::string(text, 12);
  }

  void drop_pages() override {
    for (auto& [name, entry] : entries_) entry.file->drop_pages();
  }

 private:
  void add_shards(const std::filesystem::path& folder) {
    ConfigFile index = ConfigFile::read((folder / "model.safetensors.index.json").string());
    auto map = index.object("weight_map");
    if (!map) index.refuse("weight_map is missing");
    std::set<std::string> files;
    for (const auto& [tensor, file] : map->json().items()) {
      // A shard's name must stay inside the folder.
      if (!file.is_string() || file.get<std::string>().find('/') != std::string::npos)
        map->refuse(tensor + " is " + file.dump() + ", not a file of this folder");
      files.insert(file.get<std::string>());
    }
    for (const auto& file : files) add_file((folder / file).string());
  }

  void add_file(const std::string& path) {
    auto file = std::make_shared<Mapping>(path);
    uint64_t header = 0;
    if (file->size() < sizeof header) throw LoadError(path + " is too short to be safetensors");
    std::memcpy(&header, file->data(), sizeof header);
    if (header > file->size() - sizeof header)
      throw LoadError(path + ": its header says " + std::to_string(header) +
                      " bytes; the file has " + std::to_string(file->size()));
    auto json = nlohmann::json::parse(file->data() + 8, file->data() + 8 + header, nullptr, false);
    if (!json.is_object()) throw LoadError(path + ": its header is not JSON");
    hash_ = fnv1a(hash_, file->data(), 8 + header);
    // The header alone is the same for two trainings of one model: a sample of the numbers tells
    // them apart.
    for (size_t at = 8 + header; at < file->size(); at += std::max<size_t>(file->size() / 64, 64))
      hash_ = fnv1a(hash_, file->data() + at, std::min<size_t>(64, file->size() - at));
    ConfigFile head(path, std::move(json));
    for (const auto& [name, value] : head.json().items())
      if (name != "__metadata__")
        add_tensor(ConfigFile(path + ": " + name, value), name, file, 8 + header);
  }

  void add_tensor(const ConfigFile& head, const std::string& name,
                  const std::shared_ptr<Mapping>& file, size_t data) {
    auto type = types().find(head.text("dtype", ""));
    if (type == types().end()) {
      head.refuse("dtype " + head.text("dtype", "none") + " is not supported (F32, F16, BF16)");
    }
    const auto& json = head.json();
    if (!json.contains("shape") || !json.contains("data_offsets") ||
        json["data_offsets"].size() != 2)
      head.refuse("shape or data_offsets is missing");
    Entry entry{file, 0, 0, type->second, json["shape"].get<std::vector<int64_t>>()};
    auto offsets = json["data_offsets"].get<std::vector<uint64_t>>();
    uint64_t room = file->size() - data, expected = c10::elementSize(type->second);
    for (int64_t size : entry.shape) {
      if (size < 0 ||
          (size && expected > std::numeric_limits<uint64_t>::max() / static_cast<uint64_t>(size)))
        head.refuse("its shape is " + shape_text(entry.shape));
      expected *= static_cast<uint64_t>(size);
    }
    if (offsets[0] > offsets[1] || offsets[1] > room || offsets[1] - offsets[0] != expected)
      head.refuse("its data_offsets do not fit its shape and the file");
    entry.begin = data + offsets[0];
    entry.bytes = expected;
    bytes_ += expected;
    numbers_ += expected / c10::elementSize(type->second);
    entries_[name] = std::move(entry);
  }

  std::function<void(uint64_t)> read_;
  std::map<std::string, Entry> entries_;
  std::set<std::string> used_;
  uint64_t bytes_ = 0, numbers_ = 0, handed_out_ = 0, hash_ = 0xcbf29ce484222325ull;
};

}  // namespace

std::unique_ptr<Weights> open_safetensors(const std::string& directory,
                                          std::function<void(uint64_t)> read) {
  return std::make_unique<SafetensorsWeights>(directory, std::move(read));
}

}  // namespace weir::nn
