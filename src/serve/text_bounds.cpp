#include "text_bounds.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdint>

#include "context_length.h"

namespace weir::serve {
namespace {

/// How many bytes of a text are read to find so many tokens. Some tokenizers make no tokens of
/// white space and control characters. Without a bound such a text would be read to its end.
size_t most_bytes(const ModelCard& model, size_t tokens) {
  constexpr size_t kAlways = size_t{1} << 20, kPerToken = 64;
  const size_t longest = model.text.longest_piece_bytes.value_or(0);
  return std::max(kAlways + kPerToken * tokens, longest * tokens);
}

/// At most `size` bytes, cut at the end of a character.
std::string_view whole_characters(std::string_view text, size_t size) {
  const auto continues = [&] { return (static_cast<uint8_t>(text[size]) & 0xC0) == 0x80; };
  if (size >= text.size()) return text;
  while (size > 0 && continues()) --size;
  return text.substr(0, size);
}

}  // namespace

Result<std::string_view> enough_of(const std::string& text, const ModelCard& model, size_t tokens,
                                   const std::string& name) {
  const std::string_view read = whole_characters(text, most_bytes(model, tokens));
  const auto enough = model.text.tokenizer->prefix(read, tokens);
  if (!enough) {
    Error error = enough.error();
    error.param = name;
    return error;
  }
  if (*enough < read.size() || read.size() == text.size()) return read.substr(0, *enough);
  return invalid(fmt::format("{} has {} bytes, and the first {} of them fewer than {} tokens; no "
                             "more are read for so few",
                             name, text.size(), read.size(), tokens),
                 name, error_name::kStringAboveMax);
}

Result<void> check_bytes(const std::string& text, const ModelCard& model, TokenLimit limit,
                         const std::string& name) {
  if (!model.text.longest_piece_bytes) {
    const size_t most = most_bytes(model, limit.tokens);
    if (text.size() <= most) return {};
    return limit_exceeded(
        limit,
        fmt::format("{} {} bytes; at most {} are read of a text", subject(name), text.size(), most),
        name);
  }
  const uint64_t longest = *model.text.longest_piece_bytes;
  if (text.size() <= longest * limit.tokens) return {};
  return limit_exceeded(limit,
                        fmt::format("{} {} bytes, which are at least {} tokens", subject(name),
                                    text.size(), (text.size() + longest - 1) / longest),
                        name);
}

Result<void> check_text(const std::string& text, const ModelCard& model, TokenLimit limit,
                        const std::string& name) {
  constexpr size_t kShort = size_t{64} << 10;
  if (auto checked = check_bytes(text, model, limit, name); !checked || text.size() <= kShort)
    return checked;
  const size_t tokens = size_t{2} * limit.tokens;
  const auto enough = enough_of(text, model, tokens, name);
  if (!enough) return enough.error();
  if (enough->size() == text.size()) return {};
  return limit_exceeded(limit, fmt::format("{} at least {} tokens", subject(name), tokens), name);
}

}  // namespace weir::serve
