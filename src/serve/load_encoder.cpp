#include <algorithm>
#include <cmath>
#include <optional>

#include "weir/folder/json_file.h"
#include "weir/folder/sentence_modules.h"
#include "weir/serve/served_model.h"

namespace weir::serve {
namespace {

using folder::JsonFile;

constexpr const char* kStart = "decoder_start_token_id";

/// An id that some file of the folder names.
struct NamedId {
  const JsonFile* file;
  const char* field;
  double id;
};

/// The first of these fields that is there.
Result<std::optional<NamedId>> find_start(const JsonFile& generation, const JsonFile& config) {
  for (const char* field : {kStart, "pad_token_id"})
    for (const JsonFile* file : {&generation, &config}) {
      auto id = file->number(field);
      if (!id) return id.error();
      if (*id) return std::optional(NamedId{file, field, **id});
    }
  return std::optional<NamedId>();
}

Result<int32_t> read_start(const std::string& path, int32_t vocabulary_rows) {
  auto generation = JsonFile::read(path + "/generation_config.json");
  if (!generation) return generation.error();
  auto config = JsonFile::read(path + "/config.json");
  if (!config) return config.error();
  auto start = find_start(*generation, *config);
  if (!start) return start.error();
  if (!*start)
    return config->wrong(kStart,
                         "an encoder-decoder needs it, or pad_token_id; "
                         "generation_config.json has neither");
  const auto& [file, field, id] = **start;
  if (std::trunc(id) == id && id >= 0 && id < vocabulary_rows) return static_cast<int32_t>(id);
  return file->wrong(field,
                     "an id from 0 to " + std::to_string(vocabulary_rows - 1) + " is wanted");
}

}  // namespace

Result<Encoder> load_encoder(const std::string& directory, uint32_t max_source,
                             int32_t vocabulary_rows) {
  const std::string path = folder::transformer_folder(directory);
  auto tokenizer = JsonFile::read(path + "/tokenizer_config.json");
  if (!tokenizer) return tokenizer.error();
  auto length = tokenizer->number("model_max_length");
  if (!length) return length.error();
  auto start = read_start(path, vocabulary_rows);
  if (!start) return start.error();
  Encoder encoder{.max_tokens = max_source, .decoder_start = *start};
  if (*length && **length >= 1 && **length < max_source)
    encoder.max_tokens = static_cast<uint32_t>(**length);
  return encoder;
}

}  // namespace weir::serve
