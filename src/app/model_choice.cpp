#include "app/model_choice.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "app/setting.h"
#include "weir/base/access.h"
#include "weir/base/file.h"
#include "weir/folder/sentence_modules.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

/// The setting of this name. Its rules hold for the model's own option too.
const Setting& setting(const std::string& name) {
  return *std::find_if(settings().begin(), settings().end(),
                       [&](const Setting& each) { return each.name == name; });
}

std::string config_of(const fs::path& folder) {
  return folder::transformer_folder(folder) + "/config.json";
}

/// Whether there is a config.json of any kind: a broken link must become an error, not be skipped.
/// Errors: the folder cannot be looked into.
Result<bool> is_model(const fs::path& folder) { return is_there(config_of(folder)); }

/// The parts of "NAME=DIR,option,...".
struct ModelText {
  std::string name;  // empty: not given
  std::string directory;
  std::vector<std::string> options;
};

Error wrong_form(const std::string& text) {
  return invalid("model: \"" + text +
                 "\" is not NAME=DIR[,dtype=...][,max-model-len=N][,head=HEADDIR]; a folder " +
                 "with a comma stands in double quotes");
}

/// The index of the "=" after the name; npos: there is no name. A name may have slashes, as on
/// model hubs ("meta-llama/X=DIR"). But "./a=b", "/a=b" and a text that is itself an existing
/// folder have no name.
size_t end_of_name(const std::string& head) {
  const size_t equals = head.find('=');
  if (equals == std::string::npos || head.find('"') < equals) return std::string::npos;
  const bool has_path = head.find('/') < equals;
  std::error_code failure;
  if (has_path && (head[0] == '/' || head[0] == '.' || fs::is_directory(head, failure)))
    return std::string::npos;
  return equals;
}

/// The next comma outside of double quotes, or the end.
size_t end_of_option(const std::string& text, size_t start) {
  bool quoted = false;
  for (size_t i = start; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == ',' && !quoted) return i;
  }
  return text.size();
}

std::vector<std::string> split_options(const std::string& text) {
  std::vector<std::string> options;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = end_of_option(text, start);
    options.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return options;
}

Result<ModelText> split_model(const std::string& text) {
  ModelText parts;
  std::string rest = text;
  const size_t equals = end_of_name(text.substr(0, text.find(',')));
  if (equals != std::string::npos) {
    parts.name = text.substr(0, equals);
    if (parts.name.empty()) return wrong_form(text);
    rest = text.substr(equals + 1);
  }
  size_t end = 0;  // the end of the folder's text, quotes included
  if (rest.starts_with('"')) {
    const size_t closing = rest.find('"', 1);
    if (closing == std::string::npos) return wrong_form(text);
    parts.directory = rest.substr(1, closing - 1);
    end = closing + 1;
  } else {
    end = std::min(rest.find(','), rest.size());
    parts.directory = rest.substr(0, end);
  }
  if (end < rest.size() && rest[end] != ',') return wrong_form(text);
  if (end < rest.size()) parts.options = split_options(rest.substr(end + 1));
  return parts;
}

std::string folder_name(const std::string& directory) {
  fs::path path = fs::path(directory).lexically_normal();
  if (path.has_filename() && path.filename() != "." && path.filename() != "..")
    return path.filename();
  std::error_code failure;
  path = fs::weakly_canonical(directory, failure);
  return path.has_filename() ? path.filename() : path.parent_path().filename();
}

bool is_name(const std::string& name) {
  // A name stands in JSON, metrics and log lines, so it has visible characters only.
  return !name.empty() && name.size() <= 128 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return c > ' ' && c < 0x7f && c != '"'; });
}

/// A folder in the spelling of `--model`.
std::string written(const std::string& directory) {
  return directory.find(',') == std::string::npos ? directory : '"' + directory + '"';
}

/// A folder without the double quotes around it.
Result<std::string> unquoted(const std::string& text) {
  const bool begins = text.starts_with('"'), ends = text.size() > 1 && text.ends_with('"');
  const std::string inside = begins && ends ? text.substr(1, text.size() - 2) : text;
  if (begins != ends || inside.empty() || inside.find('"') != std::string::npos)
    return invalid("head: " + text + " is no folder");
  return inside;
}

Result<void> add_head(ModelChoice& choice, const std::string& text) {
  auto folder = unquoted(text);
  if (!folder) return folder.error();
  choice.heads.push_back(*std::move(folder));
  return {};
}

Result<void> set_option(ModelChoice& choice, const std::string& option,
                        std::set<std::string>& seen) {
  size_t equals = std::min(option.find('='), option.size());
  std::string name = option.substr(0, equals);
  const bool known = name == "dtype" || name == "max-model-len" || name == "head";
  if (equals == option.size() || !known)
    return invalid("option \"" + option + "\" is not dtype=..., max-model-len=... or head=...");
  if (name == "head") return add_head(choice, option.substr(equals + 1));
  if (!seen.insert(name).second) return invalid(name + " is given twice");
  auto value = parse_value(setting(name), option.substr(equals + 1));
  if (!value) return invalid(name + ": " + value.error().message);
  if (name == "dtype") choice.dtype = std::get<std::string>(*value);
  if (name == "max-model-len")
    choice.max_model_len = static_cast<uint32_t>(std::get<int64_t>(*value));
  return {};
}

/// The models of a folder: itself, or its sub-folders. A sub-folder that cannot be looked into is
/// skipped, with a line that says so. Errors: the folder itself cannot be read.
Result<ModelChoices> in_folder(const std::string& folder, const Config& config) {
  auto choice = [&](const fs::path& path) {
    return ModelChoice{folder_name(path), path, {}, config.dtype, config.max_model_len};
  };
  const auto itself = is_model(folder);
  if (!itself) return itself.error();
  if (*itself) return ModelChoices{.models = {choice(folder)}, .skipped = {}};
  ModelChoices found;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder, failure)) {
    const std::string name = entry.path().filename();
    // Hidden folders belong to tools: ".ipynb_checkpoints" holds copies of models. lost+found is
    // the file system's.
    if (name.starts_with('.') || name == "lost+found") continue;
    const auto model = is_model(entry.path());
    if (!model)
      found.skipped.push_back("the folder \"" + entry.path().string() +
                              "\" is not served: " + model.error().message);
    else if (*model)
      found.models.push_back(choice(entry.path()));
  }
  std::sort(found.models.begin(), found.models.end(),
            [](const ModelChoice& a, const ModelChoice& b) { return a.name < b.name; });
  return found;
}

/// Removes folders whose name cannot be a model's name. Returns a line for each.
std::vector<std::string> skip_unnamed(std::vector<ModelChoice>& found) {
  std::vector<std::string> skipped;
  std::erase_if(found, [&](const ModelChoice& choice) {
    if (is_name(choice.name)) return false;
    skipped.push_back(
        "the folder \"" + choice.directory +
        "\" is not served: its name is none for a model; give it one: --model 'NAME=" +
        written(choice.directory) + "'");
    return true;
  });
  return skipped;
}

/// Why a folder has no models.
std::string why_none(const std::string& folder) {
  std::error_code failure;
  const bool there = fs::exists(folder, failure);
  if (there) fs::directory_iterator(folder, failure);
  const std::string why = failure ? "cannot be read: " + reason_of(failure.value(), folder)
                          : there ? "has no config.json and no sub-folder that has one"
                                  : "is not there";
  if (failure) return '"' + folder + "\" " + why;
  return '"' + folder + "\" " + why +
         "; in a container mount Hugging Face models there: " + "docker run -v DIR:" + folder +
         ":ro";
}

/// A bad folder makes only its own model fail. If all folders are bad, the settings are wrong.
Result<void> check_some_folder(const std::vector<ModelChoice>& choices) {
  for (const ModelChoice& choice : choices) {
    if (check_folder(choice)) return {};
  }
  const ModelChoice& first = choices.front();
  return invalid("model " + first.name + ": " + check_folder(first).error().message);
}

}  // namespace

Result<ModelChoice> parse_model(const std::string& text, const Config& config) {
  auto parts = split_model(text);
  if (!parts) return parts.error();
  const std::string& name = parts->name;
  ModelChoice choice{.name = name.empty() ? folder_name(parts->directory) : name,
                     .directory = parts->directory,
                     .dtype = config.dtype,
                     .max_model_len = config.max_model_len};
  if (choice.directory.empty()) return wrong_form(text);
  if (!is_name(choice.name))
    return invalid("model: \"" + choice.name +
                   "\" is no good name; give it one: NAME=" + written(choice.directory));
  std::set<std::string> seen;
  for (const std::string& option : parts->options)
    if (auto set = set_option(choice, option, seen); !set)
      return invalid("model: \"" + text + "\": " + set.error().message);
  return choice;
}

Result<void> check_folder(const ModelChoice& choice) {
  const auto model = is_model(choice.directory);
  if (!model) return model.error();
  if (*model) {
    const auto config = File::open(config_of(choice.directory));
    return config ? Result<void>() : config.error();
  }
  std::error_code failure;
  bool is_folder = fs::is_directory(choice.directory, failure);
  return invalid("\"" + choice.directory + "\" " +
                 (is_folder ? "has no config.json: it is no Hugging Face model" : "is no folder"));
}

Result<ModelChoices> choose_models(const Config& config) {
  ModelChoices chosen;
  std::vector<ModelChoice>& choices = chosen.models;
  for (const std::string& text : config.models) {
    auto choice = parse_model(text, config);
    if (!choice) return choice.error();
    choices.push_back(std::move(*choice));
  }
  if (!config.models_dir.empty()) {
    auto found = in_folder(config.models_dir, config);
    if (!found) return invalid("models-dir: " + found.error().message);
    if (found->models.empty() && found->skipped.empty())
      return invalid("models-dir: " + why_none(config.models_dir));
    chosen.skipped = std::move(found->skipped);
    for (std::string& line : skip_unnamed(found->models)) chosen.skipped.push_back(std::move(line));
    choices.insert(choices.end(), found->models.begin(), found->models.end());
  }
  if (choices.empty() && !chosen.skipped.empty()) return invalid(chosen.skipped.front());
  if (choices.empty())
    return invalid("no model to serve: give --model NAME=DIR or --models-dir DIR");
  std::set<std::string> names;
  for (const ModelChoice& choice : choices) {
    if (!names.insert(choice.name).second) {
      return invalid("model: two are named \"" + choice.name +
                     "\"; give one another name: --model NAME=DIR");
    }
  }
  if (auto some = check_some_folder(choices); !some) return some.error();
  return chosen;
}

}  // namespace weir::app
