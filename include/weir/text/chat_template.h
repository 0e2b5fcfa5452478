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
  /// Reads chat_template.jinja, else the template in tokenizer_config.json (a string, or the entry
  /// "default" of a list). None: the folder has no template. bos_token, eos_token and the like come
  /// from tokenizer_config.json.
  static Result<std::optional<std::shared_ptr<const ChatTemplate>>> load(
      const std::string& directory);
  static Result<std::shared_ptr<const ChatTemplate>> parse(std::string_view source);
  ~ChatTemplate();
  ChatTemplate(const ChatTemplate&) = delete;

  /// `context` is a JSON object: messages, add_generation_prompt, tools, and the members of
  /// template_kwargs. The special tokens are added to it. Errors: invalid_argument with the
  /// template's own words (raise_exception).
  Result<std::string> render(std::string_view context) const;

  /// The same text. It also tells which texts of control tokens come from the context, so that a
  /// client wrote them, and which are the template's own. Errors also: invalid_argument, if the
  /// template acts on such a text, so that the two cannot be told apart.
  Result<Rendered> render(std::string_view context, const Tokenizer& tokenizer) const;

  /// Whether the template's source has this text, for example a role's name.
  bool mentions(std::string_view text) const;

 private:
  class Handle;
  explicit ChatTemplate(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace weir::text
