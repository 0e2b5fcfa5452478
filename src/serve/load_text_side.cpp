#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "generation_defaults.h"
#include "weir/base/excerpt.h"
#include "weir/folder/json_file.h"
#include "weir/folder/sentence_modules.h"
#include "weir/folder/tables.h"
#include "weir/serve/served_model.h"

namespace weir::serve {
namespace {

using folder::JsonFile;
using nlohmann::json;

/// Whether the model reads whole inputs. Other models continue them.
bool reads(Tasks tasks) { return !tasks.has(HeadTask::generate); }

constexpr double kNoLimit = 1e9;  // model_max_length is 1e30 if there is no limit

/// An id or a list of ids. An entry that is no id is dropped with a note.
std::vector<int32_t> read_eos(const JsonFile& file, const char* name,
                              std::vector<std::string>& notes) {
  std::vector<int32_t> ids;
  const json* value = file.find("eos_token_id");
  if (!value) return ids;
  for (const json& id : value->is_array() ? *value : json::array({*value})) {
    if (id.is_number_integer()) {
      ids.push_back(static_cast<int32_t>(std::clamp<int64_t>(id.get<int64_t>(), -1, INT32_MAX)));
      continue;
    }
    const std::string text = id.dump(-1, ' ', false, json::error_handler_t::replace);
    notes.push_back(std::string(name) + ": eos_token_id has " + excerpt(text) +
                    ": dropped, an id is wanted");
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

/// Whether the tokenizer is a byte-level BPE that does not change the text: then each byte of a
/// text lies in exactly one token. Added tokens that take the space beside them would break that.
bool is_lossless(const JsonFile& tokenizer, const text::Tokenizer& loaded) {
  const json* model = tokenizer.find("model");
  const json* pre_tokenizer = tokenizer.find("pre_tokenizer");
  const json* decoder = tokenizer.find("decoder");
  if (!model || !pre_tokenizer || !decoder || tokenizer.find("normalizer")) return false;
  if (model->value("type", "") != "BPE" || decoder->value("type", "") != "ByteLevel") return false;
  if (loaded.takes_space()) return false;
  return keeps_every_byte(*pre_tokenizer);
}

Result<std::optional<uint32_t>> read_longest_piece(const std::string& directory,
                                                   const text::Tokenizer& tokenizer) {
  auto file = JsonFile::read(directory + "/tokenizer.json", {"vocab", "merges"});
  if (!file) return file.error();
  if (!is_lossless(*file, tokenizer)) return std::optional<uint32_t>();
  // A byte-level piece has one or two bytes of UTF-8 for each byte of text. So the piece's own
  // length is a safe bound.
  const size_t longest = std::max<size_t>(1, tokenizer.longest_piece());
  return std::optional<uint32_t>(static_cast<uint32_t>(longest));
}

struct TextFiles {
  std::string path;  // of the model's own files
  std::optional<folder::SentenceModules> modules;
  JsonFile config, generation, tokenizer_config, sentence_bert, sentence_transformers;
};

Result<TextFiles> read_folder(const std::string& directory, Tasks tasks) {
  TextFiles read;
  read.path = folder::transformer_folder(directory);
  if (reads(tasks)) {
    auto modules = folder::read_sentence_modules(directory);
    if (!modules) return modules.error();
    read.modules = *std::move(modules);
  }
  const std::pair<std::string, JsonFile*> files[] = {
      {read.path + "/config.json", &read.config},
      {read.path + "/generation_config.json", &read.generation},
      {read.path + "/tokenizer_config.json", &read.tokenizer_config},
      {read.path + "/sentence_bert_config.json", &read.sentence_bert},
      {directory + "/config_sentence_transformers.json", &read.sentence_transformers}};
  for (const auto& [path, file] : files) {
    auto parsed = JsonFile::read(path);
    if (!parsed) return parsed.error();
    *file = *std::move(parsed);
  }
  return read;
}

/// The limit of sentence-transformers, else the smaller one of the tokenizer's limit and the number
/// of positions.
Result<std::optional<uint32_t>> read_input_limit(const TextFiles& folder) {
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

/// The model's width times the number of pooling modes, at most truncate_dim.
Result<uint32_t> read_vector_size(const TextFiles& read) {
  const size_t parts = read.modules ? std::max<size_t>(1, read.modules->pooling.size()) : 1;
  const uint32_t most = read.modules ? read.modules->truncate_dim.value_or(UINT32_MAX) : UINT32_MAX;
  for (const char* field : {"hidden_size", "d_model", "n_embd", "dim"}) {
    auto size = read.config.number_within(field, 1, kNoLimit);
    if (!size) return size.error();
    if (*size) return std::min(most, static_cast<uint32_t>(**size) * static_cast<uint32_t>(parts));
  }
  return 0U;
}

std::vector<int32_t> find_eos(const TextFiles& read, const text::Tokenizer& tokenizer,
                              std::vector<std::string>& notes) {
  std::vector<int32_t> all;
  const auto add = [&](const std::vector<int32_t>& ids) {
    for (int32_t id : ids)
      if (std::find(all.begin(), all.end(), id) == all.end()) all.push_back(id);
  };
  add(read_eos(read.generation, "generation_config.json", notes));
  add(read_eos(read.config, "config.json", notes));
  add(named_eos(read.tokenizer_config, tokenizer));
  return all;
}

/// How many tokens sentence-transformers leaves out of pooling for a prompt: the tokens of the
/// prompt alone, without a special token at its end.
Result<uint32_t> prompt_tokens(const std::string& prompt, const text::Tokenizer& tokenizer) {
  auto all = tokenizer.encode(prompt, true);
  if (!all) return all.error();
  auto visible = all->empty() ? Result<std::string>(std::string())
                              : tokenizer.decode({all->back()}, /*skip_special=*/true);
  if (!visible) return visible.error();
  auto count = static_cast<uint32_t>(all->size());
  return !all->empty() && visible->empty() ? count - 1 : count;
}

Result<EmbeddingPrompt> read_prompt(const TextFiles& read, const text::Tokenizer& tokenizer) {
  EmbeddingPrompt prompt;
  const JsonFile& file = read.sentence_transformers;
  auto name = file.text("default_prompt_name");
  if (!name) return name.error();
  const json* prompts = file.find("prompts");
  // Without modules.json sentence-transformers does not read the file.
  if (!*name || !read.modules) return prompt;
  const bool known = prompts && prompts->is_object() && prompts->contains(**name);
  if (known && (*prompts)[**name].is_null()) return prompt;
  if (known && (*prompts)[**name].is_string()) {
    prompt.text = (*prompts)[**name].get<std::string>();
  } else if (**name != "query" && **name != "document") {  // these are empty if they are not given
    return file.wrong("default_prompt_name", "a name of prompts is wanted");
  }
  if (prompt.text.empty() || read.modules->include_prompt) return prompt;
  auto tokens = prompt_tokens(prompt.text, tokenizer);
  if (!tokens) return tokens.error();
  prompt.left_out = *tokens;
  return prompt;
}

/// sentence-transformers lowers the case itself if tokenizer.json does not.
Result<void> check_case(const TextFiles& read, const text::Tokenizer& tokenizer) {
  auto lower = read.sentence_bert.boolean("do_lower_case");
  if (!lower) return lower.error();
  if (!lower->value_or(false)) return {};
  auto large = tokenizer.encode("WEIR", false), small = tokenizer.encode("weir", false);
  if (!large) return large.error();
  if (!small) return small.error();
  if (*large == *small) return {};
  return read.sentence_bert.wrong("do_lower_case",
                                  "texts keep the case that tokenizer.json leaves them");
}

/// Notes a default prompt that leaves no room for a text.
Result<void> check_prompt(const TextSide& side, std::vector<std::string>& notes) {
  if (side.prompt.text.empty() || !side.max_input_tokens) return {};
  auto tokens = side.tokenizer->encode(side.prompt.text, true);
  if (!tokens) return tokens.error();
  if (tokens->size() > *side.max_input_tokens)
    notes.push_back("config_sentence_transformers.json: the default prompt has " +
                    std::to_string(tokens->size()) + " tokens, and an input may have " +
                    std::to_string(*side.max_input_tokens) + ": no text can be embedded");
  return {};
}

Result<void> load_embedding_side(const TextFiles& read, TextSide& side) {
  if (auto checked = check_case(read, *side.tokenizer); !checked) return checked;
  auto limit = read_input_limit(read);
  if (!limit) return limit.error();
  side.max_input_tokens = *limit;
  auto size = read_vector_size(read);
  if (!size) return size.error();
  side.vector_size = *size;
  auto prompt = read_prompt(read, *side.tokenizer);
  if (!prompt) return prompt.error();
  side.prompt = *std::move(prompt);
  return check_prompt(side, side.notes);
}

/// If the template cannot be used, only chat is refused.
void load_chat_template(const std::string& directory, TextSide& side) {
  auto chat_template = text::ChatTemplate::load(directory);
  if (!chat_template) {
    side.chat_refusal = chat_template.error().message;
    side.notes.push_back("chat is refused: " + side.chat_refusal);
  } else if (*chat_template) {
    side.chat_template = **std::move(chat_template);
  }
}

Result<void> load_generating_side(const TextFiles& read, TextSide& side) {
  load_chat_template(read.path, side);
  side.defaults = read_defaults(read.generation, side.notes);
  side.eos_ids = find_eos(read, *side.tokenizer, side.notes);
  return {};
}

/// Notes the fields that no reader asked for. Those of config.json are the engine's.
Result<void> review(const TextFiles& read, Tasks tasks, TextSide& side) {
  std::vector<std::pair<const JsonFile*, folder::FieldTable>> files = {
      {&read.tokenizer_config, folder::tokenizer_config_fields()}};
  if (!reads(tasks)) files.emplace_back(&read.generation, folder::generation_config_fields());
  if (reads(tasks)) {
    files.emplace_back(&read.sentence_bert, folder::sentence_bert_fields());
    files.emplace_back(&read.sentence_transformers, folder::sentence_transformers_fields());
  }
  for (const auto& [file, table] : files) {
    auto notes = file->review({table});
    if (!notes) return notes.error();
    side.notes.insert(side.notes.end(), notes->begin(), notes->end());
  }
  return {};
}

}  // namespace

Result<TextSide> load_text_side(const std::string& directory, Tasks tasks) {
  auto read = read_folder(directory, tasks);
  if (!read) return read.error();
  TextSide side;
  auto tokenizer = text::Tokenizer::load(read->path);
  if (!tokenizer) return tokenizer.error();
  side.tokenizer = *std::move(tokenizer);
  auto longest = read_longest_piece(read->path, *side.tokenizer);
  if (!longest) return longest.error();
  side.longest_piece_bytes = *longest;
  auto loaded = reads(tasks) ? load_embedding_side(*read, side) : load_generating_side(*read, side);
  if (!loaded) return loaded.error();
  if (auto reviewed = review(*read, tasks, side); !reviewed) return reviewed.error();
  return side;
}

uint32_t longest_input(const TextSide& text, uint32_t max_model_len) {
  return std::min(max_model_len, text.max_input_tokens.value_or(max_model_len));
}

}  // namespace weir::serve
