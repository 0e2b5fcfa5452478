#include "prompts.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

#include "context_length.h"
#include "empty_input.h"
#include "model_set.h"
#include "text_bounds.h"
#include "weir/base/excerpt.h"
#include "weir/work/ids.h"

namespace weir::serve {
namespace {

template <class Words>  // a string, or a text::Rendered
Result<std::vector<int32_t>> tokenize(const Words& text, const ModelCard& model, bool add_special,
                                      const std::string& name) {
  auto ids = model.text.tokenizer->encode(text, add_special);
  if (!ids) ids.error().param = name;
  return ids;
}

Result<void> check_length(const std::vector<int32_t>& ids, TokenLimit limit,
                          const std::string& name) {
  if (ids.empty()) return no_tokens(name);
  const size_t for_answer = limit.of_encoder ? 0 : 1;
  if (ids.size() + for_answer <= limit.tokens) return {};
  return limit_exceeded(limit,
                        fmt::format("{} {} tokens{}", subject(name), ids.size(),
                                    for_answer ? ", and at least one is for the answer" : ""),
                        name);
}

constexpr const char* kDecoderPrompt = "decoder_prompt";

/// The tokens of a decoder_prompt. REQUIRES: it is no Chat.
Result<std::vector<int32_t>> decoder_ids(const ModelCard& model, const Input& asked) {
  if (const auto* given = std::get_if<Ids>(&asked)) {
    if (auto checked = check_ids(*given, model.vocabulary_rows, kDecoderPrompt); !checked)
      return checked.error();
    return *given;
  }
  const std::string& text = std::get<Text>(asked).text;
  const TokenLimit limit{.tokens = model.max_model_len};
  if (auto checked = check_text(text, model, limit, kDecoderPrompt); !checked)
    return checked.error();
  auto ids = tokenize(text, model, false, kDecoderPrompt);
  if (!ids) return ids;
  if (auto checked = check_tokens(*ids, model, kDecoderPrompt); !checked) return checked.error();
  return ids;
}

Result<text::Rendered> render(const ModelCard& model, const std::string& context) {
  const text::ChatTemplate& chat_template = *model.text.chat_template;
  if (!model.trust_control_tokens) return chat_template.render(context, *model.text.tokenizer);
  auto text = chat_template.render(context);
  if (!text) return text.error();
  return text::Rendered{.text = *std::move(text), .plain = {}};
}

}  // namespace

Result<void> check_tokens(const std::vector<int32_t>& tokens, const ModelCard& model,
                          const std::string& name) {
  const auto stray = work::find_stray(tokens, static_cast<uint32_t>(model.vocabulary_rows));
  if (!stray) return {};
  const std::string piece = excerpt(model.text.tokenizer->piece(stray->id).value_or(""));
  return invalid(fmt::format("token {} of {} is {} (\"{}\"); this model's ids are 0 to {}",
                             stray->place, name, stray->id, piece, model.vocabulary_rows - 1),
                 name, error_name::kInvalidValue);
}

Result<void> check_ids(const std::vector<int32_t>& ids, int32_t vocabulary_rows,
                       const std::string& name) {
  const auto stray = work::find_stray(ids, static_cast<uint32_t>(vocabulary_rows));
  if (!stray) return {};
  const std::string path = fmt::format("{}[{}]", name, stray->place);
  return invalid(
      fmt::format("{} is {}; this model's ids are 0 to {}", path, stray->id, vocabulary_rows - 1),
      path, stray->id < 0 ? error_name::kIntegerBelowMin : error_name::kIntegerAboveMax);
}

Result<text::Rendered> chat_text(const ServedModel& served, const ModelCard& model,
                                 const Chat& chat) {
  if (model.encoder)
    return invalid("model \"" + served.name +
                       "\" is an encoder-decoder and takes no messages; /v1/completions takes its "
                       "prompts",
                   "model", error_name::kInvalidValue);
  if (!model.text.chat_template) {
    const std::string& refusal = model.text.chat_refusal;
    return invalid("model \"" + served.name + "\" has no chat template" +
                       (refusal.empty() ? "" : " that can be used (" + refusal + ")") +
                       "; /v1/completions takes its prompts",
                   "model", error_name::kInvalidValue);
  }
  auto context = chat_context(chat, *model.text.chat_template);
  if (!context) return context.error();
  auto text = render(model, *context);
  if (!text && text.error().param.empty()) text.error().param = kMessages;
  return text;
}

Result<std::vector<int32_t>> chat_prompt(const ServedModel& served, const ModelCard& model,
                                         const Chat& chat, bool must_fit) {
  auto text = chat_text(served, model, chat);
  if (!text) return text.error();
  const TokenLimit limit = prompt_limit(model);
  const auto bounded = must_fit ? check_text(text->text, model, limit, kMessages)
                                : check_bytes(text->text, model, limit, kMessages);
  if (!bounded) return bounded.error();
  auto ids = tokenize(*text, model, false, kMessages);
  if (!ids || !must_fit) return ids;
  if (auto checked = check_length(*ids, limit, kMessages); !checked) return checked.error();
  if (auto checked = check_tokens(*ids, model, kMessages); !checked) return checked.error();
  return ids;
}

Result<std::vector<int32_t>> completion_prompt(const ModelCard& model, const Input& input,
                                               const std::string& name) {
  const TokenLimit limit = prompt_limit(model);
  if (const auto* given = std::get_if<Ids>(&input)) {
    if (given->empty()) return no_ids(name);
    if (auto checked = check_length(*given, limit, name); !checked) return checked.error();
    if (auto checked = check_ids(*given, model.vocabulary_rows, name); !checked)
      return checked.error();
    return *given;
  }
  const Text& text = std::get<Text>(input);
  if (auto checked = check_text(text.text, model, limit, name); !checked) return checked.error();
  auto encoded = tokenize(text.text, model, text.add_special, name);
  if (!encoded) return encoded.error();
  if (encoded->empty() && text.text.empty()) return no_text(name);
  if (auto checked = check_length(*encoded, limit, name); !checked) return checked.error();
  if (auto checked = check_tokens(*encoded, model, name); !checked) return checked.error();
  return encoded;
}

Result<std::vector<int32_t>> decoder_prompt(const ModelCard& model,
                                            const std::optional<Input>& asked) {
  std::vector<int32_t> prompt{model.encoder->decoder_start};
  if (!asked) return prompt;
  auto ids = decoder_ids(model, *asked);
  if (!ids) return ids.error();
  const bool has_start = std::holds_alternative<Ids>(*asked) && !ids->empty() &&
                         ids->front() == model.encoder->decoder_start;
  prompt.insert(prompt.end(), ids->begin() + (has_start ? 1 : 0), ids->end());
  if (prompt.size() < model.max_model_len) return prompt;
  return context_exceeded(
      model.max_model_len,
      fmt::format("However, the decoder's start token and {} have {} tokens, and at least one is "
                  "for the answer.",
                  kDecoderPrompt, prompt.size()),
      kDecoderPrompt);
}

Result<std::string> known_text(const text::Tokenizer& tokenizer, Ids ids) {
  const int32_t size = tokenizer.vocabulary_size();
  std::erase_if(ids, [&](int32_t id) { return id >= size; });
  return tokenizer.decode(ids, false);
}

Result<Text> text_of(const ReadyModel& model, const Input& input) {
  if (const auto* text = std::get_if<Text>(&input)) return *text;
  if (const auto* ids = std::get_if<Ids>(&input)) {
    auto text = known_text(*model.loaded.text.tokenizer, *ids);
    if (!text) return text.error();
    return Text{.text = *std::move(text)};
  }
  auto rendered = chat_text(model.served, model.loaded, std::get<Chat>(input));
  if (!rendered) return rendered.error();
  return Text{.text = std::move(rendered->text)};
}

}  // namespace weir::serve
