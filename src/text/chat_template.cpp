#include "weir/text/chat_template.h"

#include "text/file.h"
#include "text/rust_value.h"
#include "text/template_files.h"
#include "text/tokenizer_handle.h"

namespace weir::text {

class ChatTemplate::Handle {
 public:
  std::unique_ptr<WeirTemplate, RustRelease<weir_template_free>> rust;
  std::string source;

  static Result<std::unique_ptr<Handle>> parse(std::string_view source, std::string_view globals);
  /// `tokenizer`: null if control tokens are not to be told apart.
  Result<Rendered> render(std::string_view context, const WeirTokenizer* tokenizer) const;
};

ChatTemplate::ChatTemplate(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
ChatTemplate::~ChatTemplate() = default;

Result<std::unique_ptr<ChatTemplate::Handle>> ChatTemplate::Handle::parse(
    std::string_view source, std::string_view globals) {
  WeirTemplate* created = nullptr;
  RustBytes message;
  const auto status = weir_template_new(rust_bytes(source), source.size(), rust_bytes(globals),
                                        globals.size(), &created, message.out());
  if (status != WEIR_STATUS_OK) return rust_error(status, message);
  auto handle = std::make_unique<Handle>();
  handle->rust.reset(created);
  handle->source = source;
  return handle;
}

Result<std::optional<std::shared_ptr<const ChatTemplate>>> ChatTemplate::load(
    const std::string& directory) {
  auto config = read_file(directory + "/tokenizer_config.json");
  if (!config) return config.error();
  auto map = read_file(directory + "/special_tokens_map.json");
  if (!map) return map.error();
  auto source = read_file(directory + "/chat_template.jinja");
  if (!source) return source.error();
  const char* place = "chat_template.jinja";
  if (!*source) {
    source = template_of(config->value_or(""));
    if (!source) return source.error();
    place = "tokenizer_config.json: chat_template";
  }
  if (*source && (*source)->empty()) return invalid(std::string(place) + " is empty");
  if (!*source) return std::optional<std::shared_ptr<const ChatTemplate>>();
  const auto tokens = special_tokens_of(config->value_or(""), map->value_or(""));
  if (!tokens) return tokens.error();
  auto handle = Handle::parse(**source, *tokens);
  if (!handle) return handle.error();
  return std::optional(std::shared_ptr<const ChatTemplate>(new ChatTemplate(*std::move(handle))));
}

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::parse(std::string_view source) {
  auto handle = Handle::parse(source, "{}");
  if (!handle) return handle.error();
  return std::shared_ptr<const ChatTemplate>(new ChatTemplate(*std::move(handle)));
}

bool ChatTemplate::mentions(std::string_view text) const {
  return handle_->source.find(text) != std::string::npos;
}

Result<Rendered> ChatTemplate::Handle::render(std::string_view context,
                                              const WeirTokenizer* tokenizer) const {
  RustBytes text;
  RustIds plain;
  RustBytes message;
  const auto status = weir_template_render(rust.get(), tokenizer, rust_bytes(context),
                                           context.size(), text.out(), plain.out(), message.out());
  if (status != WEIR_STATUS_OK) return rust_error(status, message);
  return Rendered{text.text(), plain.numbers()};
}

Result<std::string> ChatTemplate::render(std::string_view context) const {
  auto rendered = handle_->render(context, nullptr);
  if (!rendered) return rendered.error();
  return std::move(rendered->text);
}

Result<Rendered> ChatTemplate::render(std::string_view context, const Tokenizer& tokenizer) const {
  return handle_->render(context, tokenizer.handle_->rust.get());
}

}  // namespace weir::text
