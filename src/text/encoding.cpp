#include "weir/text/encoding.h"

#include "text/rust_value.h"
#include "text/tokenizer_handle.h"
#include "weir/text/tokenizer.h"

namespace weir::text {

namespace {

Encoding encoding_of(std::span<const WeirPlace> tokens) {
  Encoding encoding;
  encoding.ids.reserve(tokens.size());
  encoding.types.reserve(tokens.size());
  encoding.offsets.reserve(tokens.size());
  encoding.words.reserve(tokens.size());
  encoding.texts.reserve(tokens.size());
  for (const WeirPlace& token : tokens) {
    encoding.ids.push_back(static_cast<int32_t>(token.id));
    encoding.types.push_back(token.token_type);
    encoding.offsets.push_back({.begin = token.begin, .end = token.end});
    encoding.words.push_back(token.word);
    encoding.texts.push_back(token.text);
  }
  return encoding;
}

}  // namespace

Result<Encoding> Tokenizer::encode_places(std::string_view text,
                                          std::optional<std::string_view> pair,
                                          bool add_special) const {
  // For the crate a null pointer means that there is no second text. An empty view may have a null
  // pointer.
  if (pair && pair->data() == nullptr) pair = "";
  const std::string_view second = pair.value_or(std::string_view());
  RustPlaces places;
  RustBytes message;
  const auto status = weir_tokenizer_encode_places(handle_->rust.get(), rust_bytes(text),
                                                   text.size(), rust_bytes(second), second.size(),
                                                   add_special, places.out(), message.out());
  if (status != WEIR_STATUS_OK) return rust_error(status, message);
  return encoding_of(places.all());
}

}  // namespace weir::text
