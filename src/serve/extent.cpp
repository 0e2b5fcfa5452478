#include "extent.h"

#include <algorithm>

namespace weir::serve {
namespace {

struct Size {
  size_t bytes = 0;
  int64_t tokens = 0;  // a lower bound
};

Size size_of(const ModelCard& model, const Input& input) {
  if (const auto* ids = std::get_if<Ids>(&input))
    return {ids->size() * sizeof(int32_t), static_cast<int64_t>(ids->size())};
  // What the template drops or adds is not known, so tokens cannot be bounded.
  if (const auto* chat = std::get_if<Chat>(&input))
    return {.bytes = chat->messages.size() + chat->template_kwargs.size()};
  const Text& text = std::get<Text>(input);
  const size_t bytes = text.text.size() + (text.pair ? text.pair->size() : 0);
  const auto longest = model.text.longest_piece_bytes;
  return {bytes, longest ? static_cast<int64_t>(bytes / *longest) : 0};
}

}  // namespace

Extent extent_of(const ModelCard& model, std::span<const Input> inputs, int64_t most) {
  Extent extent{.rows = inputs.size()};
  for (const Input& input : inputs) {
    const Size size = size_of(model, input);
    extent.bytes += size.bytes;
    extent.least_tokens += std::min(size.tokens, most);
  }
  return extent;
}

}  // namespace weir::serve
