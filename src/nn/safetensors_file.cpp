#include "nn/safetensors_file.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "weir/nn/config.h"

namespace weir::nn {
namespace {

// As the reference library: nothing but a broken or hostile file has a longer header.
constexpr uint64_t kMostHeaderBytes = 100'000'000;

struct NumberType {
  uint64_t bytes;
  std::optional<at::ScalarType> read_as;
};

const NumberType* number_type(const std::string& name) {
  static const std::map<std::string, NumberType> table{
      {"F32", {4, at::kFloat}}, {"F16", {2, at::kHalf}}, {"BF16", {2, at::kBFloat16}},
      {"BOOL", {1, {}}},        {"U8", {1, {}}},         {"I8", {1, {}}},
      {"F8_E5M2", {1, {}}},     {"F8_E4M3", {1, {}}},    {"F8_E8M0", {1, {}}},
      {"I16", {2, {}}},         {"U16", {2, {}}},        {"I32", {4, {}}},
      {"U32", {4, {}}},         {"I64", {8, {}}},        {"U64", {8, {}}},
      {"F64", {8, {}}}};
  const auto found = table.find(name);
  return found == table.end() ? nullptr : &found->second;
}

void must(const Result<void>& done) {
  if (!done) throw LoadError(done.error().message);
}

/// A list of integers, none negative.
std::vector<uint64_t> sizes(const ConfigFile& tensor, const char* field) {
  std::vector<uint64_t> values;
  const auto& json = tensor.json();
  if (!json.contains(field) || !json[field].is_array())
    tensor.refuse(std::string(field) + " is missing or no list");
  for (const auto& value : json[field]) {
    if (!value.is_number_unsigned()) tensor.refuse(std::string(field) + " holds no size");
    values.push_back(value.get<uint64_t>());
  }
  return values;
}

/// The numbers of a tensor, as far as `most` go.
uint64_t count(const ConfigFile& tensor, const std::vector<uint64_t>& shape, uint64_t most) {
  uint64_t numbers = 1;
  for (const uint64_t size : shape)
    if (size == 0) return 0;
  for (const uint64_t size : shape) {
    if (size > most / numbers) tensor.refuse("its shape is larger than the file");
    numbers *= size;
  }
  return numbers;
}

TensorPlace place_of(const ConfigFile& tensor, const SafetensorsFile& in) {
  TensorPlace place;
  place.file = in.file;
  place.dtype = tensor.text("dtype", "none");
  const NumberType* type = number_type(place.dtype);
  if (!type) tensor.refuse("dtype " + place.dtype + " is not known");
  place.type = type->read_as;
  const uint64_t room = in.file->size() - in.data_begin;
  const auto shape = sizes(tensor, "shape"), offsets = sizes(tensor, "data_offsets");
  place.numbers = count(tensor, shape, room);
  place.bytes = place.numbers * type->bytes;
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > room ||
      offsets[1] - offsets[0] != place.bytes)
    tensor.refuse("its data_offsets do not fit its shape and the file");
  place.begin = in.data_begin + offsets[0];
  for (const uint64_t size : shape) {
    if (size > std::numeric_limits<int64_t>::max()) tensor.refuse("its shape is too large");
    place.shape.push_back(static_cast<int64_t>(size));
  }
  return place;
}

void refuse_overlaps(const SafetensorsFile& in) {
  std::vector<const std::pair<const std::string, TensorPlace>*> filled;
  for (const auto& tensor : in.tensors)
    if (tensor.second.bytes > 0) filled.push_back(&tensor);
  std::sort(filled.begin(), filled.end(),
            [](const auto* a, const auto* b) { return a->second.begin < b->second.begin; });
  for (size_t i = 1; i < filled.size(); ++i)
    if (filled[i - 1]->second.begin + filled[i - 1]->second.bytes > filled[i]->second.begin)
      throw LoadError(in.file->path() + ": tensors " + filled[i - 1]->first + " and " +
                      filled[i]->first + " overlap");
}

std::string read_header(const File& file) {
  uint64_t size = 0;
  if (file.size() == 0) throw LoadError(file.path() + " is empty");
  if (file.size() < sizeof size) throw LoadError(file.path() + " is too short to be safetensors");
  must(file.read(&size, sizeof size, 0));
  if (size > file.size() - sizeof size)
    throw LoadError(file.path() + " is no safetensors file, or cut short: its header would have " +
                    std::to_string(size) + " bytes; the file has " + std::to_string(file.size()));
  if (size > kMostHeaderBytes)
    throw LoadError(file.path() + ": its header has " + std::to_string(size) + " bytes; at most " +
                    std::to_string(kMostHeaderBytes) + " are read");
  std::string header(size, '\0');
  must(file.read(header.data(), size, sizeof size));
  must(check_json_depth(header, file.path() + ": its header"));
  return header;
}

}  // namespace

SafetensorsFile read_safetensors_header(const std::string& path) {
  auto file = File::open(path);
  if (!file) throw LoadError(file.error().message);
  SafetensorsFile in;
  in.file = *std::move(file);
  const std::string header = read_header(*in.file);
  auto json = nlohmann::json::parse(header, nullptr, false);
  if (!json.is_object()) throw LoadError(path + ": its header is not JSON");
  in.data_begin = sizeof(uint64_t) + header.size();
  for (const auto& [name, value] : json.items())
    if (name != "__metadata__")
      in.tensors.emplace(name, place_of(ConfigFile(path + ": " + name, value), in));
  refuse_overlaps(in);
  return in;
}

}  // namespace weir::nn
