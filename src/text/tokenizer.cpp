#include "weir/text/tokenizer.h"

#include <algorithm>

#include "text/added_tokens.h"
#include "text/file.h"
#include "text/tokenizer_handle.h"
#include "weir/base/file.h"

namespace weir::text {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

Error outside(int32_t id, int32_t size) {
  return invalid("token id " + std::to_string(id) + " is outside the vocabulary of " +
                 std::to_string(size) + " tokens");
}

Result<std::string> read_additions(const std::string& directory) {
  auto config = read_file(directory + "/tokenizer_config.json");
  if (!config) return config.error();
  auto map = read_file(directory + "/special_tokens_map.json");
  if (!map) return map.error();
  auto added = read_file(directory + "/added_tokens.json");
  if (!added) return added.error();
  return added_tokens_of({.tokenizer_config = config->value_or(""),
                          .special_tokens_map = map->value_or(""),
                          .added_tokens = added->value_or("")});
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Tokenizer::~Tokenizer() = default;

Result<std::shared_ptr<const Tokenizer>> Tokenizer::load(const std::string& directory) {
  const std::string path = directory + "/tokenizer.json";
  auto json = read_file(path);
  if (!json) return json.error();
  if (!*json) return invalid("the model folder has no tokenizer.json: " + directory);
  if (auto checked = check_json_depth(**json, path); !checked) return checked.error();
  if ((*json)->empty()) return invalid(path + " is empty");
  if ((*json)->starts_with(kByteOrderMark)) (*json)->erase(0, kByteOrderMark.size());
  auto additions = read_additions(directory);
  if (!additions) return additions.error();
  WeirTokenizer* created = nullptr;
  RustBytes message;
  const auto status =
      weir_tokenizer_new(rust_bytes(**json), (*json)->size(), rust_bytes(*additions),
                         additions->size(), &created, message.out());
  if (status != WEIR_STATUS_OK) {
    Error error = rust_error(status, message);
    error.message = path + ": " + error.message;
    return error;
  }
  auto handle = std::make_unique<Handle>();
  handle->rust.reset(created);
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(handle)));
}

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text, bool add_special) const {
  RustIds ids;
  RustBytes message;
  const auto status = weir_tokenizer_encode(handle_->rust.get(), rust_bytes(text), text.size(),
                                            add_special, ids.out(), message.out());
  if (status != WEIR_STATUS_OK) return rust_error(status, message);
  return ids.ids();
}

Result<std::vector<int32_t>> Tokenizer::encode(const Rendered& rendered, bool add_special) const {
  const auto& [text, plain] = rendered;
  if (plain.empty()) return encode(text, add_special);
  RustIds ids;
  RustBytes message;
  const auto status =
      weir_tokenizer_encode_plain(handle_->rust.get(), rust_bytes(text), text.size(), plain.data(),
                                  plain.size(), add_special, ids.out(), message.out());
  if (status != WEIR_STATUS_OK) return rust_error(status, message);
  return ids.ids();
}

Result<size_t> Tokenizer::prefix(std::string_view text, size_t count) const {
  size_t enough = 0;
  RustBytes message;
  const auto status = weir_tokenizer_prefix(handle_->rust.get(), rust_bytes(text), text.size(),
                                            count, &enough, message.out());
  if (status != WEIR_STATUS_OK) return rust_error(status, message);
  return enough;
}

Result<std::string> Tokenizer::decode(const std::vector<int32_t>& ids, bool skip_special) const {
  const auto negative = std::ranges::find_if(ids, [](int32_t id) { return id < 0; });
  if (negative != ids.end()) return outside(*negative, vocabulary_size());
  RustBytes text;
  RustBytes message;
  const auto status =
      weir_tokenizer_decode(handle_->rust.get(), reinterpret_cast<const uint32_t*>(ids.data()),
                            ids.size(), skip_special, text.out(), message.out());
  if (status != WEIR_STATUS_OK) return rust_error(status, message);
  return text.text();
}

std::optional<std::string> Tokenizer::piece(int32_t id) const {
  if (id < 0) return std::nullopt;
  RustBytes piece;
  const auto status =
      weir_tokenizer_piece(handle_->rust.get(), static_cast<uint32_t>(id), piece.out());
  if (status != WEIR_STATUS_OK) return std::nullopt;
  return piece.text();
}

std::optional<int32_t> Tokenizer::id(std::string_view piece) const {
  uint32_t id = 0;
  const auto status = weir_tokenizer_id(handle_->rust.get(), rust_bytes(piece), piece.size(), &id);
  if (status != WEIR_STATUS_OK) return std::nullopt;
  return static_cast<int32_t>(id);
}

std::string Tokenizer::token_bytes(int32_t id) const {
  if (id < 0) return {};
  RustBytes bytes;
  weir_tokenizer_token_bytes(handle_->rust.get(), static_cast<uint32_t>(id), bytes.out());
  return bytes.text();
}

bool Tokenizer::takes_space() const { return weir_tokenizer_takes_space(handle_->rust.get()); }

int32_t Tokenizer::vocabulary_size() const {
  constexpr uint32_t kMost = INT32_MAX;  // ids of a file may be larger; no model takes them
  return static_cast<int32_t>(std::min(kMost, weir_tokenizer_vocabulary_size(handle_->rust.get())));
}

size_t Tokenizer::longest_piece() const {
  return weir_tokenizer_longest_piece(handle_->rust.get());
}

}  // namespace weir::text
