#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "json_file.h"
#include "weir/serve/served_model.h"

namespace weir::serve {
namespace {

using nlohmann::json;

constexpr double kNoLimit = 1e9;  // model_max_length is written as 1e30 where there is none

Result<GenerationDefaults> read_defaults(const JsonFile& generation) {
  GenerationDefaults defaults;
  auto temperature = generation.number_within("temperature", 0, 2);
  if (!temperature) return temperature.error();
  auto top_p = generation.number_within("top_p", 0, 1);
  if (!top_p) return top_p.error();
  if (*top_p && **top_p == 0) return generation.wrong("top_p", "more than 0 is wanted");
  auto min_p = generation.number_within("min_p", 0, 1);
  if (!min_p) return min_p.error();
  auto top_k = generation.number_within("top_k", -1, kNoLimit);
  if (!top_k) return top_k.error();
  if (*temperature) defaults.temperature = static_cast<float>(**temperature);
  if (*top_p) defaults.top_p = static_cast<float>(**top_p);
  if (*min_p) defaults.min_p = static_cast<float>(**min_p);
  if (*top_k) defaults.top_k = static_cast<uint32_t>(std::max(0.0, **top_k));
  return defaults;
}

/// An id or a list of ids.
Result<std::vector<int32_t>> read_eos(const JsonFile& file) {
  std::vector<int32_t> ids;
  const json* value = file.find("eos_token_id");
  if (!value) return ids;
  for (const json& id : value->is_array() ? *value : json::array({*value})) {
    if (!id.is_number_integer()) return file.wrong("eos_token_id", "ids are wanted");
    ids.push_back(static_cast<int32_t>(std::clamp<int64_t>(id.get<int64_t>(), -1, INT32_MAX)));
  }
  return ids;
}

/// tokenizer_config.json names the token, as a string or as an object with its content.
std::vector<int32_t> named_eos(const JsonFile& tokenizer_config, const text::Tokenizer& tokenizer) {
  const json* token = tokenizer_config.find("eos_token");
  if (token && token->is_object() && token->contains("content")) token = &(*token)["content"];
  if (!token || !token->is_string()) return {};
  const auto id = tokenizer.id(token->get<std::string>());
  return id ? std::vector<int32_t>{*id} : std::vector<int32_t>{};
}

bool keeps_every_byte(const json& pre_tokenizer) {
  const std::string type = pre_tokenizer.value("type", "");
  if (type == "ByteLevel" || type == "Digits") return true;
  if (type == "Split") return pre_tokenizer.value("behavior", "") != "Removed";
  if (type != "Sequence") return false;
  const auto parts = pre_tokenizer.find("pretokenizers");
  return parts != pre_tokenizer.end() &&
         std::all_of(parts->begin(), parts->end(), keeps_every_byte);
}

/// Byte-level BPE that changes nothing before it: each byte of a text lies in exactly one token.
/// Added tokens that swallow the space around them would break that.
bool is_lossless(const JsonFile& tokenizer) {
  const json* model = tokenizer.find("model");
  const json* pre_tokenizer = tokenizer.find("pre_tokenizer");
  const json* decoder = tokenizer.find("decoder");
  if (!model || !pre_tokenizer || !decoder || tokenizer.find("normalizer")) return false;
  if (model->value("type", "") != "BPE" || decoder->value("type", "") != "ByteLevel") return false;
  const json* added = tokenizer.find("added_tokens");
  if (added)
    for (const json& token : *added)
      if (token.value("lstrip", false) || token.value("rstrip", false)) return false;
  return keeps_every_byte(*pre_tokenizer);
}

Result<std::optional<uint32_t>> read_longest_piece(const std::string& directory,
                                                   const text::Tokenizer& tokenizer) {
  auto file = JsonFile::read(directory + "/tokenizer.json", {"vocab", "merges"});
  if (!file) return file.error();
  if (!is_lossless(*file)) return std::optional<uint32_t>();
  // A byte-level piece has one or two bytes of UTF-8 for each byte of text: its own length is a
  // safe bound.
  const size_t longest = std::max<size_t>(1, tokenizer.longest_piece());
  return std::optional<uint32_t>(static_cast<uint32_t>(longest));
}

struct Folder {
  JsonFile config, generation, tokenizer_config, sentence_bert;
};

/// sentence-transformers' own limit, else the smaller of the tokenizer's and the positions.
Result<std::optional<uint32_t>> read_input_limit(const Folder& folder) {
  auto own = folder.sentence_bert.number_within("max_seq_length", 1, kNoLimit);
  if (!own) return own.error();
  auto tokenizer = folder.tokenizer_config.number("model_max_length");
  if (!tokenizer) return tokenizer.error();
  auto positions = folder.config.number("max_position_embeddings");
  if (!positions) return positions.error();
  double limit = kNoLimit;
  if (*own)
    limit = **own;
  else
    for (const auto& given : {*tokenizer, *positions})
      if (given && *given >= 1) limit = std::min(limit, *given);
  if (limit >= kNoLimit) return std::optional<uint32_t>();
  return std::optional<uint32_t>(static_cast<uint32_t>(limit));
}

/// Unless a Dense module changes it, the vectors are as wide as the model.
Result<uint32_t> read_vector_size(const std::string& directory, const JsonFile& config) {
  if (std::filesystem::exists(directory + "/2_Dense")) return 0U;
  for (const char* field : {"hidden_size", "d_model", "n_embd", "dim"}) {
    auto size = config.number_within(field, 1, kNoLimit);
    if (!size) return size.error();
    if (*size) return static_cast<uint32_t>(**size);
  }
  return 0U;
}

Result<std::vector<int32_t>> find_eos(const Folder& folder, const text::Tokenizer& tokenizer) {
  for (const JsonFile* file : {&folder.generation, &folder.config}) {
    auto ids = read_eos(*file);
    if (!ids || !ids->empty()) return ids;
  }
  return named_eos(folder.tokenizer_config, tokenizer);
}

}  // namespace

Result<TextSide> load_text_side(const std::string& directory, ModelKind kind) {
  Folder folder;
  const std::pair<const char*, JsonFile*> files[] = {
      {"config.json", &folder.config},
      {"generation_config.json", &folder.generation},
      {"tokenizer_config.json", &folder.tokenizer_config},
      {"sentence_bert_config.json", &folder.sentence_bert}};
  for (const auto& [name, file] : files) {
    auto read = JsonFile::read(directory + '/' + name);
    if (!read) return read.error();
    *file = *std::move(read);
  }
  TextSide side;
  auto tokenizer = text::Tokenizer::load(directory);
  if (!tokenizer) return tokenizer.error();
  side.tokenizer = *std::move(tokenizer);
  auto longest = read_longest_piece(directory, *side.tokenizer);
  if (!longest) return longest.error();
  side.longest_piece_bytes = *longest;
  if (kind == ModelKind::embed) {
    auto limit = read_input_limit(folder);
    if (!limit) return limit.error();
    side.max_input_tokens = *limit;
    auto size = read_vector_size(directory, folder.config);
    if (!size) return size.error();
    side.vector_size = *size;
    return side;
  }
  auto chat_template = text::ChatTemplate::load(directory);
  if (!chat_template) return chat_template.error();
  if (*chat_template) side.chat_template = **std::move(chat_template);
  auto defaults = read_defaults(folder.generation);
  if (!defaults) return defaults.error();
  side.defaults = *defaults;
  auto eos = find_eos(folder, *side.tokenizer);
  if (!eos) return eos.error();
  side.eos_ids = *std::move(eos);
  return side;
}

uint32_t longest_input(const TextSide& text, uint32_t max_model_len) {
  return std::min(max_model_len, text.max_input_tokens.value_or(max_model_len));
}

}  // namespace weir::serve
