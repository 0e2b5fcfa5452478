#include "weir/nn/head_folder.h"

#include "nn/heads/folder_head.h"
#include "weir/base/excerpt.h"
#include "weir/folder/tables.h"
#include "weir/nn/file_hash.h"

namespace weir::nn {
namespace {

constexpr FolderTask kTasks[] = {
    {"sequence-classification", make_folder_classify},
    {"token-classification", make_folder_tag},
};

constexpr const char* kFormat = "task-head/1";

const FolderTask& task_of(const ConfigFile& file) {
  const std::string name = file.text("task", "");
  std::string known;
  for (const FolderTask& task : kTasks) {
    if (name == task.name) return task;
    known += (known.empty() ? "" : ", ") + std::string(task.name);
  }
  file.refuse("task \"" + excerpt(name) + "\" is not supported (" + known + ")");
}

ConfigFile needed(const ConfigFile& file, const char* field) {
  auto object = file.object(field);
  if (!object) file.refuse(std::string(field) + " is missing");
  return *std::move(object);
}

void check_hash(const ConfigFile& wanted, const std::string& directory) {
  const std::string hash = wanted.text("model_safetensors_sha256");
  const std::string found = *sha256_of_files(std::vector{directory + "/model.safetensors"});
  if (hash != found)
    wanted.refuse("model_safetensors_sha256 is " + excerpt(hash) + "; that of " + directory +
                  "/model.safetensors is " + found);
}

/// Was the head made for this trunk?
void check_trunk(const ConfigFile& file, const TrunkFacts& trunk) {
  const ConfigFile wanted = needed(file, "trunk");
  const std::string architecture = wanted.text("architecture", trunk.architecture);
  if (architecture != trunk.architecture)
    wanted.refuse("architecture is " + excerpt(architecture) + "; the model is a " +
                  trunk.architecture);
  check_size(wanted, "hidden_size", trunk.shape.hidden, "the model has");
  if (wanted.has("num_hidden_layers"))
    check_size(wanted, "num_hidden_layers", trunk.shape.layers, "the model has");
  if (!trunk.directory.empty()) check_hash(wanted, trunk.directory);
}

void check_format(const ConfigFile& file) {
  const std::string format = file.text("format", "");
  if (format != kFormat)
    file.refuse("format is \"" + excerpt(format) + "\"; only " + kFormat + " is supported");
  const std::string type = file.text("dtype", "float32");
  if (type != "float32")
    file.refuse("dtype is \"" + excerpt(type) + "\"; only float32 is supported");
}

void check_all_read(const Weights& weights, const std::string& path) {
  const auto unused = weights.unused();
  if (unused.empty()) return;
  throw LoadError(path + " holds the tensor " + excerpt(unused.front()) +
                  ", which no layer of head.json names");
}

/// A number that is not finite would turn up in every answer, or hide in a CRF that decodes it.
void check_finite(const Weights& weights, const std::string& path) {
  const auto warnings = weights.warnings();
  if (!warnings.empty()) throw LoadError(path + ": " + warnings.front());
}

}  // namespace

std::vector<std::string> folder_labels(const ConfigFile& file, int64_t columns) {
  std::vector<std::string> labels = file.texts("labels");
  if (static_cast<int64_t>(labels.size()) != columns)
    file.refuse("labels has " + std::to_string(labels.size()) + " texts; the layers give " +
                std::to_string(columns) + " columns");
  return labels;
}

HeadFolder load_head_folder(const std::string& directory, const TrunkFacts& trunk,
                            Backend& backend) {
  const ConfigFile file = ConfigFile::read(directory + "/head.json");
  check_format(file);
  const FolderTask& task = task_of(file);
  check_trunk(file, trunk);
  const ConfigFile input = needed(file, "input");
  check_size(input, "dim", trunk.shape.hidden, "the model has");
  const std::vector<ConfigFile> entries = file.objects("layers");
  if (entries.empty()) file.refuse("layers is empty; a head has at least one");
  const std::string path = directory + "/head.safetensors";
  // Small, so its numbers are read for a check too.
  const auto weights = open_head_weights(path, Numbers::read);
  HeadFolder made;
  made.head = task.make({.layers = {*weights, backend, trunk.on_gpu},
                         .trunk = trunk,
                         .file = file,
                         .input = input,
                         .entries = entries});
  made.head.card.name = file.text("name");
  check_all_read(*weights, path);
  check_finite(*weights, path);
  weights->check_unchanged();
  made.numbers = weights->bytes_as(at::kByte);
  const auto add = [&](std::vector<std::string> notes) {
    made.notes.insert(made.notes.end(), notes.begin(), notes.end());
  };
  add(file.review({folder::head_fields()}));
  for (const ConfigFile& entry : entries) add(entry.review({folder::head_layer_fields()}));
  return made;
}

}  // namespace weir::nn
