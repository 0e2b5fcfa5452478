#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "weir/base/result.h"
#include "weir/text/rendered.h"
#include "weir/text/tokenizer.h"

namespace weir::text {

/// A model's chat template (Jinja, as Hugging Face runs it: trim_blocks, lstrip_blocks, loop
/// controls, tojson, raise_exception, strftime_now). Immutable, shared by threads; rendering is
/// bounded by fuel.
class ChatTemplate {
 public:
  /// From chat_template.jinja, else from tokenizer_config.json (a string, or a list by name:
  /// "default"). None: the folder has no template. bos_token, eos_token and the like come from
  /// tokenizer_config.json.
  static Result<std::optional<std::shared_ptr<const ChatTemplate>>> load(
      const std::string& directory);
  static Result<std::shared_ptr<const ChatTemplate>> parse(std::string_view source);
  ~ChatTemplate();
  ChatTemplate(const ChatTemplate&) = delete;

  /// `context` is a JSON object: messages, add_generation_prompt, tools, and whatever
  /// template_kwargs brought. The special tokens are added to it. Errors: invalid_argument with the
  /// template's own words (raise_exception).
  Result<std::string> render(std::string_view context) const;

  /// The same text, and which texts of the tokenizer's control tokens in it are the context's, not
  /// the template's own: they are words that a client wrote. Errors also: invalid_argument where
  /// the template acts on such a text, so that the two cannot be told apart.
  Result<Rendered> render(std::string_view context, const Tokenizer& tokenizer) const;

  /// Whether its source has this text, a role's name for instance.
  bool mentions(std::string_view text) const;

 private:
  class Handle;
  explicit ChatTemplate(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace weir::text
