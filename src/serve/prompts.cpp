#include "prompts.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

#include "context_length.h"
#include "text_bounds.h"
#include "weir/base/excerpt.h"
#include "weir/work/ids.h"

namespace weir::serve {
namespace {

Error empty(const std::string& name) {
  return invalid(name + " is empty", name, error_name::kInvalidValue);
}

template <class Text>  // a string, or a text::Rendered
Result<std::vector<int32_t>> tokenize(const Text& text, const LoadedModel& model, bool add_special,
                                      const std::string& name) {
  auto ids = model.text.tokenizer->encode(text, add_special);
  if (!ids) ids.error().param = name;
  return ids;
}

Result<void> check_length(const std::vector<int32_t>& ids, const LoadedModel& model,
                          const std::string& name) {
  if (ids.empty()) return empty(name);
  if (ids.size() < model.max_model_len) return {};
  return context_exceeded(model.max_model_len,
                          fmt::format("However, {} {} tokens, and at least one is for the answer.",
                                      subject(name), ids.size()),
                          name);
}

/// Of what the template and the tokenizer made: a tokenizer may have more ids than the model.
Result<void> check_tokens(const std::vector<int32_t>& tokens, const LoadedModel& model,
                          const std::string& name) {
  const auto stray = work::find_stray(tokens, static_cast<uint32_t>(model.vocabulary_rows));
  if (!stray) return {};
  const std::string piece = excerpt(model.text.tokenizer->piece(stray->id).value_or(""));
  return invalid(fmt::format("token {} of {} is {} (\"{}\"); this model's ids are 0 to {}",
                             stray->place, name, stray->id, piece, model.vocabulary_rows - 1),
                 name, error_name::kInvalidValue);
}

/// What the tokenizer adds around a text: `full` without `body`, cut where the body begins.
struct Frame {
  std::vector<int32_t> before, after;
};

Frame frame_of(const std::vector<int32_t>& full, const std::vector<int32_t>& body) {
  const auto begin = std::search(full.begin(), full.end(), body.begin(), body.end());
  if (begin == full.end()) return {};
  return {{full.begin(), begin}, {begin + static_cast<ptrdiff_t>(body.size()), full.end()}};
}

Result<std::vector<int32_t>> cut(const std::string& text, const LoadedModel& model,
                                 std::vector<int32_t> full, uint32_t limit) {
  auto body = tokenize(text, model, false, {});
  if (!body) return body.error();
  const Frame frame = frame_of(full, *body);
  const size_t added = frame.before.size() + frame.after.size();
  if (limit <= added)
    return invalid(fmt::format("truncate_prompt_tokens is {}; this model adds {} tokens of its own",
                               limit, added),
                   "truncate_prompt_tokens", error_name::kIntegerBelowMin);
  if (added == 0) {
    full.resize(limit);
    return full;
  }
  std::vector<int32_t> ids = frame.before;
  ids.insert(ids.end(), body->begin(), body->begin() + static_cast<ptrdiff_t>(limit - added));
  ids.insert(ids.end(), frame.after.begin(), frame.after.end());
  return ids;
}

Result<text::Rendered> render(const LoadedModel& model, const std::string& context) {
  const text::ChatTemplate& chat_template = *model.text.chat_template;
  if (!model.trust_control_tokens) return chat_template.render(context, *model.text.tokenizer);
  auto text = chat_template.render(context);
  if (!text) return text.error();
  return text::Rendered{.text = *std::move(text), .plain = {}};
}

}  // namespace

Result<void> check_ids(const std::vector<int32_t>& ids, int32_t vocabulary_rows,
                       const std::string& name) {
  const auto stray = work::find_stray(ids, static_cast<uint32_t>(vocabulary_rows));
  if (!stray) return {};
  const std::string path = fmt::format("{}[{}]", name, stray->place);
  return invalid(
      fmt::format("{} is {}; this model's ids are 0 to {}", path, stray->id, vocabulary_rows - 1),
      path, stray->id < 0 ? error_name::kIntegerBelowMin : error_name::kIntegerAboveMax);
}

Result<text::Rendered> chat_text(const ServedModel& served, const LoadedModel& model,
                                 const ChatRequest& request) {
  if (!model.text.chat_template) {
    const std::string& refusal = model.text.chat_refusal;
    return invalid("model \"" + served.name + "\" has no chat template" +
                       (refusal.empty() ? "" : " that can be used (" + refusal + ")") +
                       "; /v1/completions takes its prompts",
                   "model", error_name::kInvalidValue);
  }
  auto context = chat_context(request, *model.text.chat_template);
  if (!context) return context.error();
  auto text = render(model, *context);
  if (!text && text.error().param.empty()) text.error().param = kMessages;
  return text;
}

Result<std::vector<int32_t>> chat_prompt(const ServedModel& served, const LoadedModel& model,
                                         const ChatRequest& request, bool must_fit) {
  auto text = chat_text(served, model, request);
  if (!text) return text.error();
  const auto bounded = must_fit ? check_text(text->text, model, kMessages)
                                : check_bytes(text->text, model, kMessages);
  if (!bounded) return bounded.error();
  auto ids = tokenize(*text, model, false, kMessages);
  if (!ids || !must_fit) return ids;
  if (auto checked = check_length(*ids, model, kMessages); !checked) return checked.error();
  if (auto checked = check_tokens(*ids, model, kMessages); !checked) return checked.error();
  return ids;
}

Result<std::vector<int32_t>> completion_prompt(const LoadedModel& model, const Prompt& prompt,
                                               bool add_special, const std::string& name) {
  if (const auto* given = std::get_if<std::vector<int32_t>>(&prompt)) {
    if (auto checked = check_length(*given, model, name); !checked) return checked.error();
    if (auto checked = check_ids(*given, model.vocabulary_rows, name); !checked)
      return checked.error();
    return *given;
  }
  const std::string& text = std::get<std::string>(prompt);
  if (auto checked = check_text(text, model, name); !checked) return checked.error();
  auto encoded = tokenize(text, model, add_special, name);
  if (!encoded) return encoded.error();
  if (auto checked = check_length(*encoded, model, name); !checked) return checked.error();
  if (auto checked = check_tokens(*encoded, model, name); !checked) return checked.error();
  return encoded;
}

Result<std::vector<int32_t>> embedding_input(const LoadedModel& model, const Prompt& input,
                                             const EmbeddingRequest& request,
                                             const std::string& name) {
  if (request.truncate_prompt_tokens && (*request.truncate_prompt_tokens == 0 ||
                                         *request.truncate_prompt_tokens > model.max_model_len))
    return invalid(fmt::format("truncate_prompt_tokens is {}; 1 to {} is allowed",
                               *request.truncate_prompt_tokens, model.max_model_len),
                   "truncate_prompt_tokens",
                   *request.truncate_prompt_tokens == 0 ? error_name::kIntegerBelowMin
                                                        : error_name::kIntegerAboveMax);
  const bool cuts = request.truncate || request.truncate_prompt_tokens.has_value();
  const uint32_t limit = request.truncate_prompt_tokens.value_or(model.max_model_len);
  const auto* given = std::get_if<std::string>(&input);
  if (!given && !model.accept_embedding_ids)
    return invalid(name +
                       " holds token ids, which this server does not take: send text"
                       " (LangChain: check_embedding_ctx_length=False)",
                   name);
  if (given && given->empty()) return empty(name);
  std::string text = given ? model.text.prompt.text + *given : "";
  if (given && cuts) {
    // What is kept lies in the beginning: no more of the text is tokenized.
    const auto enough = enough_of(text, model, size_t{limit} + 1, name);
    if (!enough) return enough.error();
    text.resize(enough->size());
  } else if (given) {
    if (auto checked = check_text(text, model, name); !checked) return checked.error();
  }
  Result<std::vector<int32_t>> ids =
      given ? tokenize(text, model, true, name) : Result(std::get<std::vector<int32_t>>(input));
  if (!ids) return ids;
  if (ids->empty()) return empty(name);
  if (auto checked =
          given ? check_tokens(*ids, model, name) : check_ids(*ids, model.vocabulary_rows, name);
      !checked)
    return checked.error();
  if (ids->size() <= limit) return ids;
  if (!cuts)
    return context_exceeded(limit, fmt::format("However, {} has {} tokens.", name, ids->size()),
                            name);
  if (given) return cut(text, model, std::move(*ids), limit);
  ids->resize(limit);
  return ids;
}

}  // namespace weir::serve
