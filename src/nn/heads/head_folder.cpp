#include "weir/nn/head_folder.h"

#include <algorithm>
#include <limits>

#include "nn/heads/folder_head.h"
#include "nn/heads/text_rules.h"
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

/// The hash is checked in full once the trunk is there. `directory` is empty without a trunk.
void check_hash(const ConfigFile& wanted, const std::string& directory) {
  const std::string hash = wanted.text("model_safetensors_sha256");
  if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string::npos)
    wanted.refuse("model_safetensors_sha256 is " + excerpt(hash) +
                  "; 64 digits of 0 to 9 and a to f are wanted");
  if (directory.empty()) return;
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
  check_hash(wanted, trunk.directory);
}

/// The trunk that head.json says that the head was made for.
TrunkFacts stated_trunk(const ConfigFile& file, bool on_gpu) {
  const ConfigFile stated = needed(file, "trunk");
  TrunkFacts trunk{
      .architecture = stated.text("architecture", ""), .gives_layers = true, .on_gpu = on_gpu};
  trunk.shape.hidden = stated.size("hidden_size");
  trunk.shape.layers = stated.size("num_hidden_layers", std::numeric_limits<int32_t>::max());
  return trunk;
}

void check_format(const ConfigFile& file) {
  const std::string format = file.text("format", "");
  if (format != kFormat)
    file.refuse("format is \"" + excerpt(format) + "\"; only " + kFormat + " is supported");
  const std::string type = file.text("dtype", "float32");
  if (type != "float32")
    file.refuse("dtype is \"" + excerpt(type) + "\"; only float32 is supported");
}

/// A field that nobody reads might change what is computed, so it is refused.
void check_fields(const ConfigFile& file, std::span<const ConfigFile> layers) {
  file.refuse_unknown({folder::head_fields()});
  for (const ConfigFile& layer : layers) layer.refuse_unknown({folder::head_layer_fields()});
}

HeadFolder make_head(const std::string& directory, const ConfigFile& file, const TrunkFacts& trunk,
                     Backend& backend) {
  const FolderTask& task = task_of(file);
  check_trunk(file, trunk);
  const ConfigFile input = needed(file, "input");
  check_size(input, "dim", trunk.shape.hidden, "the model has");
  const std::vector<ConfigFile> entries = file.objects("layers");
  if (entries.empty()) file.refuse("layers is empty; a head has at least one");
  HeadTensors tensors(directory + "/head.safetensors");
  HeadFolder made;
  made.head = task.make({.layers = {tensors, backend, trunk.on_gpu},
                         .trunk = trunk,
                         .file = file,
                         .input = input,
                         .entries = entries});
  made.head.card.name = file.text("name");
  made.head.card.max_tokens = check_tokenizer(file);
  tensors.check_all_read();
  check_fields(file, entries);
  made.numbers = tensors.numbers();
  return made;
}

ConfigFile read_head(const std::string& directory) {
  ConfigFile file = ConfigFile::read(directory + "/head.json");
  check_format(file);
  return file;
}

}  // namespace

bool is_output(const std::string& said, const std::string& name, int64_t columns) {
  return said == name || said == name + " over the " + std::to_string(columns) + " logits";
}

std::vector<std::string> folder_labels(const ConfigFile& file, int64_t columns) {
  std::vector<std::string> labels = texts_of(file, "labels");
  if (static_cast<int64_t>(labels.size()) != columns)
    file.refuse("labels has " + std::to_string(labels.size()) + " texts; the layers give " +
                std::to_string(columns) + " columns");
  for (auto label = labels.begin(); label != labels.end(); ++label)
    if (label->empty() || std::find(labels.begin(), label, *label) != label)
      file.refuse("labels has \"" + excerpt(*label) + "\"" +
                  (label->empty() ? "; a label has a name" : " twice"));
  return labels;
}

HeadFolder load_head_folder(const std::string& directory, const TrunkFacts& trunk,
                            Backend& backend) {
  return make_head(directory, read_head(directory), trunk, backend);
}

HeadAlone check_head_folder(const std::string& directory, bool on_gpu) {
  const ConfigFile file = read_head(directory);
  HeadAlone alone{.trunk = stated_trunk(file, on_gpu)};
  alone.trunk_name = needed(file, "trunk").text("name", "");
  const auto backend = make_shape_backend();
  HeadFolder made = make_head(directory, file, alone.trunk, *backend);
  alone.card = std::move(made.head.card);
  alone.numbers = made.numbers;
  return alone;
}

}  // namespace weir::nn
