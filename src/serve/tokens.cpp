#include "tokens.h"

#include <utility>

#include "prompts.h"
#include "text_bounds.h"

namespace weir::serve {
namespace {

// An id takes a hundred bytes while it becomes text.
constexpr size_t kMostIds = size_t{1} << 20;

}  // namespace

Result<Tokens> tokens_of(const ReadyModel& model, const TokenizeRequest& request) {
  const auto* chat = std::get_if<Chat>(&request.input);
  const text::Tokenizer& tokenizer = *model.loaded.text.tokenizer;
  const auto* text = std::get_if<Text>(&request.input);
  if (text)
    if (auto checked = check_bytes(text->text, model.loaded, prompt_limit(model.loaded), "prompt");
        !checked)
      return checked.error();
  auto ids = chat ? chat_prompt(model.served, model.loaded, *chat, false)
                  : tokenizer.encode(text->text, text->add_special);
  if (!ids) {
    if (ids.error().param.empty()) ids.error().param = "prompt";
    return ids.error();
  }
  Tokens tokens{.model = model.served.name,
                .ids = *std::move(ids),
                .pieces = {},
                .max_model_len = model.loaded.max_model_len,
                .max_source_len = max_source_len(model.loaded)};
  if (request.with_pieces)
    for (int32_t id : tokens.ids) tokens.pieces.push_back(tokenizer.piece(id).value_or(""));
  return tokens;
}

Result<std::string> text_of_ids(const ModelCard& model, const Ids& ids) {
  const text::Tokenizer& tokenizer = *model.text.tokenizer;
  if (ids.size() > kMostIds)
    return invalid("tokens has " + std::to_string(ids.size()) + " ids; the limit is " +
                       std::to_string(kMostIds),
                   "tokens");
  if (auto checked = check_ids(ids, tokenizer.vocabulary_size(), "tokens"); !checked)
    return checked.error();
  auto text = tokenizer.decode(ids, false);
  if (!text) text.error().param = "tokens";
  return text;
}

}  // namespace weir::serve
