#include "weir/folder/sentence_modules.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "weir/base/access.h"
#include "weir/base/excerpt.h"
#include "weir/base/file.h"
#include "weir/folder/json_file.h"
#include "weir/folder/tables.h"

namespace weir::folder {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

struct Spelling {
  const char* name;
  const char* old_field;  // true: the mode is on
  PoolingMode mode;
};

// In the order in which sentence-transformers joins the vectors of several old fields.
constexpr Spelling kSpellings[] = {
    {"cls", "pooling_mode_cls_token", PoolingMode::cls},
    {"max", "pooling_mode_max_tokens", PoolingMode::max},
    {"mean", "pooling_mode_mean_tokens", PoolingMode::mean},
    {"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens",
     PoolingMode::mean_sqrt_len_tokens},
    {"weightedmean", "pooling_mode_weightedmean_tokens", PoolingMode::weightedmean},
    {"lasttoken", "pooling_mode_lasttoken", PoolingMode::lasttoken}};

std::optional<PoolingMode> mode_called(const json& name) {
  for (const Spelling& spelling : kSpellings)
    if (name == spelling.name) return spelling.mode;
  return std::nullopt;
}

Result<std::vector<PoolingMode>> read_modes(const JsonFile& config) {
  const json* given = config.find("pooling_mode");
  std::vector<PoolingMode> modes;
  // Looked at in any case: beside pooling_mode they are known, and count for nothing.
  for (const Spelling& spelling : kSpellings) {
    auto set = config.boolean(spelling.old_field);
    if (!set) return set.error();
    if (set->value_or(false) && !given) modes.push_back(spelling.mode);
  }
  if (given) {
    const json names = given->is_array() ? *given : json::array({*given});
    for (const json& name : names) {
      const auto mode = mode_called(name);
      if (!mode)
        return config.wrong("pooling_mode",
                            "cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken or a "
                            "list of them is wanted");
      modes.push_back(*mode);
    }
  }
  if (modes.empty()) modes.push_back(PoolingMode::mean);
  return modes;
}

json parse(const std::string& path) {
  const auto text = read_json_file(path);
  return text ? json::parse(*text, nullptr, false) : json();
}

std::string text_of(const json& object, const char* field) {
  const auto found = object.find(field);
  return found == object.end() || !found->is_string() ? "" : found->get<std::string>();
}

std::string kind_of(const std::string& type) { return type.substr(type.find_last_of('.') + 1); }

bool is_inside(const fs::path& path) {
  return path.is_relative() && std::find(path.begin(), path.end(), "..") == path.end();
}

class ModulesReader {
 public:
  explicit ModulesReader(const std::string& directory)
      : directory_(directory), path_(directory + "/modules.json") {}

  Result<SentenceModules> read() {
    const auto text = read_json_file(path_);
    if (!text) return text.error();
    const json list = json::parse(*text, nullptr, false);
    if (!list.is_array()) return invalid(path_ + " is not a JSON array");
    for (const json& entry : list) {
      if (!entry.is_object()) return invalid(path_ + ": a module is not a JSON object");
      if (auto taken = take(JsonFile(path_, entry)); !taken) return taken.error();
    }
    auto config = JsonFile::read(directory_ + "/config_sentence_transformers.json");
    if (!config) return config.error();
    auto size = config->number_within("truncate_dim", 1, INT32_MAX);
    if (!size) return size.error();
    if (*size) modules_.truncate_dim = static_cast<uint32_t>(**size);
    return std::move(modules_);
  }

 private:
  Result<void> take(const JsonFile& entry) {
    auto type = entry.text("type");
    if (!type) return type.error();
    auto path = entry.text("path");
    if (!path) return path.error();
    if (auto noted = note(entry, modules_fields()); !noted) return noted;
    const std::string name = type->value_or("");
    const std::string kind = kind_of(name);
    const std::string folder = path->value_or(kind == "Pooling" ? "1_Pooling" : "");
    if (!is_inside(folder)) return entry.wrong("path", "a folder inside the model's is wanted");
    if (kind == "Transformer") return {};  // transformer_folder() has its files
    if (kind == "Pooling") return take_pooling(directory_ + '/' + folder + "/config.json");
    if (kind == "Normalize") return take_normalize(directory_ + '/' + folder + "/config.json");
    if (kind == "Dropout") return {};  // of training
    return invalid(path_ + ": module " + excerpt(name) +
                   " is not supported (Transformer, Pooling, Normalize, Dropout)");
  }

  Result<void> take_pooling(const std::string& path) {
    auto config = JsonFile::read(path);
    if (!config) return config.error();
    if (!config->exists()) return invalid(path + " is missing");
    auto modes = read_modes(*config);
    if (!modes) return modes.error();
    auto include = config->boolean("include_prompt");
    if (!include) return include.error();
    modules_.pooling = *std::move(modes);
    modules_.include_prompt = include->value_or(true);
    modules_.normalize = false;
    return note(*config, pooling_fields());
  }

  Result<void> take_normalize(const std::string& path) {
    modules_.normalize = true;
    if (path == directory_ + "//config.json") return {};  // the model's own
    auto config = JsonFile::read(path);
    if (!config) return config.error();
    return note(*config, normalize_fields());
  }

  Result<void> note(const JsonFile& file, FieldTable table) {
    auto notes = file.review({table});
    if (!notes) return notes.error();
    // "1_Pooling/" of a file in that folder: its name alone is that of the model's own.
    const fs::path inside = fs::path(file.path().substr(directory_.size() + 1)).parent_path();
    const std::string folder = inside.empty() ? "" : inside.string() + '/';
    for (const std::string& said : *notes) modules_.notes.push_back(folder + said);
    return {};
  }

  const std::string directory_, path_;
  SentenceModules modules_;
};

}  // namespace

std::string transformer_folder(const std::string& directory) {
  const json list = parse(directory + "/modules.json");
  if (!list.is_array()) return directory;
  for (const json& entry : list) {
    if (!entry.is_object() || kind_of(text_of(entry, "type")) != "Transformer") continue;
    const std::string folder = text_of(entry, "path");
    const std::string whole = directory + '/' + folder;
    std::error_code failure;
    if (!folder.empty() && is_inside(folder) && fs::exists(whole + "/config.json", failure))
      return whole;
  }
  return directory;
}

Result<std::optional<SentenceModules>> read_sentence_modules(const std::string& directory) {
  const auto there = is_there(directory + "/modules.json");
  if (!there) return there.error();
  if (!*there) return std::optional<SentenceModules>();
  auto modules = ModulesReader(directory).read();
  if (!modules) return modules.error();
  return std::optional(*std::move(modules));
}

}  // namespace weir::folder
