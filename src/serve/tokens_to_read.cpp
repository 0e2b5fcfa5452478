#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <utility>

#include "context_length.h"
#include "empty_input.h"
#include "prompts.h"
#include "text_bounds.h"
#include "weir/base/error_name.h"
#include "weir/text/encoding.h"

namespace weir::serve {
namespace {

constexpr const char* kTruncate = "truncate_prompt_tokens";

Error too_little_room(uint32_t limit, size_t added) {
  return invalid(
      fmt::format("{} is {}; this model adds {} tokens of its own", kTruncate, limit, added),
      kTruncate, error_name::kIntegerBelowMin);
}

Result<void> check_truncation(const ModelCard& model, const Truncation& truncation) {
  const auto& asked = truncation.tokens;
  if (!asked || (*asked > 0 && *asked <= model.max_model_len)) return {};
  return invalid(
      fmt::format("{} is {}; 1 to {} is allowed", kTruncate, *asked, model.max_model_len),
      kTruncate, *asked == 0 ? error_name::kIntegerBelowMin : error_name::kIntegerAboveMax);
}

/// Whether an input is cut. `limit`: the most tokens that it may have.
struct Cut {
  bool cuts = false;
  uint32_t limit = 0;
};

Cut cut_of(const ModelCard& model, const Truncation& truncation) {
  return {.cuts = truncation.truncate || truncation.tokens.has_value(),
          .limit = truncation.tokens.value_or(model.max_model_len)};
}

Error too_long(const Cut& cut, size_t tokens, const std::string& name) {
  return context_exceeded(cut.limit, fmt::format("However, {} has {} tokens.", name, tokens), name);
}

Error named(Error error, const std::string& name) {
  error.param = name;
  return error;
}

/// How many tokens of each of two texts are kept, `most` in total. The longer text is cut first, as
/// "longest_first" of the Hugging Face tokenizers does it. REQUIRES: they have more than `most`.
std::array<size_t, 2> kept_of(std::array<size_t, 2> sizes, size_t most) {
  size_t shorter = std::min(sizes[0], sizes[1]);
  size_t longer = std::max(shorter, most - std::min(shorter, most));
  if (shorter + longer > most) {
    shorter = most / 2;
    longer = most - shorter;
  }
  if (sizes[0] > sizes[1]) return {longer, shorter};
  return {shorter, longer};
}

/// Cuts to `limit` tokens. The ends of the texts go; the special tokens around them stay.
Result<void> shorten(text::Encoding& encoding, uint32_t limit) {
  std::array<size_t, 2> sizes{};  // of the texts
  for (int8_t text : encoding.texts)
    if (text >= 0) ++sizes.at(static_cast<size_t>(text));
  const size_t added = encoding.ids.size() - sizes[0] - sizes[1];
  if (limit <= added) return too_little_room(limit, added);
  const std::array<size_t, 2> left = kept_of(sizes, limit - added);
  std::array<size_t, 2> seen{};
  size_t kept = 0;
  for (size_t i = 0; i < encoding.ids.size(); ++i) {
    const int8_t text = encoding.texts[i];
    if (text >= 0 && seen.at(static_cast<size_t>(text))++ >= left.at(static_cast<size_t>(text)))
      continue;
    encoding.ids[kept] = encoding.ids[i];
    encoding.types[kept++] = encoding.types[i];
  }
  encoding.ids.resize(kept);
  encoding.types.resize(kept);
  return {};
}

/// The part of the text that has to be tokenized: the whole, or a beginning with all tokens that
/// are kept.
Result<std::string_view> part_to_read(const std::string& text, const ModelCard& model,
                                      const Cut& cut, const std::string& name) {
  if (cut.cuts) return enough_of(text, model, size_t{cut.limit} + 1, name);
  if (auto checked = check_text(text, model, {.tokens = model.max_model_len}, name); !checked)
    return checked.error();
  return std::string_view(text);
}

/// Leaves out types that are all 0, since an input without types means the same to the model. A
/// model of one type gets none, whatever the tokenizer's template says, as with transformers.
Typed typed(text::Encoding encoding, const ModelCard& model) {
  const bool says_something =
      model.reads_types && std::any_of(encoding.types.begin(), encoding.types.end(),
                                       [](uint8_t type) { return type != 0; });
  return {std::move(encoding.ids),
          says_something ? std::move(encoding.types) : std::vector<uint8_t>{}};
}

Result<Typed> read_pair(const ModelCard& model, const Text& text, const Cut& cut,
                        const std::string& name) {
  if (text.text.empty() && text.pair->empty()) return no_text(name);
  auto first = part_to_read(text.text, model, cut, name);
  if (!first) return first.error();
  auto second = part_to_read(*text.pair, model, cut, name);
  if (!second) return second.error();
  auto encoding = model.text.tokenizer->encode_places(*first, *second, text.add_special);
  if (!encoding) return named(std::move(encoding.error()), name);
  if (auto checked = check_tokens(encoding->ids, model, name); !checked) return checked.error();
  if (encoding->ids.size() > cut.limit) {
    if (!cut.cuts) return too_long(cut, encoding->ids.size(), name);
    if (auto shortened = shorten(*encoding, cut.limit); !shortened) return shortened.error();
  }
  return typed(*std::move(encoding), model);
}

Result<Typed> read_text(const ModelCard& model, const Text& given, const Cut& cut,
                        const InputToRead& asked) {
  if (given.text.empty()) return no_text(asked.name);
  const std::string text = asked.prefix + given.text;
  auto part = part_to_read(text, model, cut, asked.name);
  if (!part) return part.error();
  const text::Tokenizer& tokenizer = *model.text.tokenizer;
  auto ids = tokenizer.encode(*part, given.add_special);
  if (!ids) return named(std::move(ids.error()), asked.name);
  if (ids->empty()) return no_tokens(asked.name);
  if (auto checked = check_tokens(*ids, model, asked.name); !checked) return checked.error();
  if (ids->size() <= cut.limit) return Typed{*std::move(ids)};
  if (!cut.cuts) return too_long(cut, ids->size(), asked.name);
  auto encoding = tokenizer.encode_places(*part, std::nullopt, given.add_special);
  if (!encoding) return named(std::move(encoding.error()), asked.name);
  if (auto shortened = shorten(*encoding, cut.limit); !shortened) return shortened.error();
  return Typed{std::move(encoding->ids)};
}

Result<Typed> read_ids(const ModelCard& model, const Ids& ids, const Cut& cut,
                       const std::string& name) {
  if (!model.accept_embedding_ids)
    return invalid(name +
                       " holds token ids, which this server does not take: send text"
                       " (LangChain: check_embedding_ctx_length=False)",
                   name);
  if (ids.empty()) return no_ids(name);
  if (auto checked = check_ids(ids, model.vocabulary_rows, name); !checked) return checked.error();
  if (ids.size() <= cut.limit) return Typed{ids};
  if (!cut.cuts) return too_long(cut, ids.size(), name);
  return Typed{{ids.begin(), ids.begin() + cut.limit}};
}

}  // namespace

Result<Typed> tokens_to_read(const ModelCard& model, const InputToRead& asked) {
  if (auto checked = check_truncation(model, asked.truncation); !checked) return checked.error();
  const Cut cut = cut_of(model, asked.truncation);
  if (const auto* ids = std::get_if<Ids>(&asked.input))
    return read_ids(model, *ids, cut, asked.name);
  const Text& text = std::get<Text>(asked.input);
  return text.pair ? read_pair(model, text, cut, asked.name) : read_text(model, text, cut, asked);
}

}  // namespace weir::serve
