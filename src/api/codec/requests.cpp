#include "api/codec/requests.h"

#include <fmt/format.h>

#include "api/codec/json_reader.h"
#include "api/codec/parts.h"
#include "api/codec/unsupported.h"
#include "weir/base/excerpt.h"

namespace weir::api {
namespace {

constexpr int64_t kMostTokens = INT32_MAX;

template <class T>
Result<T> decoded(const std::string& body, UnknownFields& unknown, void (*read)(Fields&, T&)) {
  T result;
  auto done = decode(body, unknown, [&](Fields& fields) { read(fields, result); });
  if (!done) return done.error();
  return result;
}

// Absent: the only one there is.
std::string read_model(Fields& fields) {
  auto model = fields.text("model");
  if (model && model->empty()) {
    refuse("model must not be empty", "model", error_name::kStringBelowMin);
  }
  return model.value_or("");
}

// The older and the newer name of one thing.
std::optional<uint32_t> read_chat_max_tokens(Fields& fields) {
  auto older = read_max_tokens(fields, "max_tokens");
  auto newer = read_max_tokens(fields, "max_completion_tokens");
  if (older && newer && *older != *newer) {
    refuse(
        fmt::format("max_tokens is {} and max_completion_tokens is {}; give one", *older, *newer),
        "max_completion_tokens", error_name::kInvalidValue);
  }
  return newer ? newer : older;
}

void tell_logprobs(const Presentation& presentation, serve::Sampling& sampling) {
  sampling.logprobs = presentation.logprobs;
  sampling.prompt_logprobs = presentation.prompt_logprobs;
}

void read_chat_prompt(Fields& fields, serve::ChatRequest& request) {
  request.messages = read_messages(fields);
  request.template_kwargs = read_template_kwargs(fields);
  request.add_generation_prompt = fields.flag("add_generation_prompt").value_or(true);
  if (fields.flag("add_special_tokens").value_or(false)) {
    refuse("\"add_special_tokens\" is not supported for messages: the template writes them",
           "add_special_tokens", error_name::kUnsupportedValue);
  }
}

void read_chat(Fields& fields, DecodedChat& chat) {
  chat.request.model = read_model(fields);
  read_chat_prompt(fields, chat.request);
  read_sampling(fields, chat.request.sampling);
  chat.request.sampling.max_tokens = read_chat_max_tokens(fields);
  check_min_tokens(chat.request.sampling);
  chat.presentation = read_presentation(fields);
  chat.presentation.logprobs = read_chat_logprobs(fields);
  chat.presentation.prompt_logprobs = read_prompt_logprobs(fields, chat.presentation);
  tell_logprobs(chat.presentation, chat.request.sampling);
  chat.handling = read_handling(fields);
  read_unsupported(fields, Endpoint::chat);
}

void read_completion(Fields& fields, DecodedCompletion& completion) {
  completion.request.model = read_model(fields);
  const Json& prompt = fields.required("prompt");
  completion.request.prompts = read_prompts(prompt, "prompt");
  completion.request.listed = is_list_of_prompts(prompt);
  completion.request.add_special_tokens = fields.flag("add_special_tokens").value_or(true);
  read_sampling(fields, completion.request.sampling);
  completion.request.echo = fields.flag("echo").value_or(false);
  completion.request.sampling.max_tokens =
      read_max_tokens(fields, "max_tokens", completion.request.echo ? 0 : 1);
  check_min_tokens(completion.request.sampling);
  completion.presentation = read_presentation(fields);
  completion.presentation.echo = completion.request.echo;
  completion.presentation.logprobs = read_completion_logprobs(fields);
  completion.presentation.prompt_logprobs = read_prompt_logprobs(fields, completion.presentation);
  tell_logprobs(completion.presentation, completion.request.sampling);
  completion.handling = read_handling(fields);
  read_unsupported(fields, Endpoint::completion);
}

bool read_encoding_format(Fields& fields) {
  std::string format = fields.text("encoding_format").value_or("float");
  if (format != "float" && format != "base64") {
    refuse(fmt::format("encoding_format is \"{}\"; the formats are float, base64", excerpt(format)),
           "encoding_format", error_name::kInvalidValue);
  }
  return format == "base64";
}

void read_embedding(Fields& fields, DecodedEmbedding& embedding) {
  embedding.request.model = read_model(fields);
  const Json& input = fields.required("input");
  embedding.request.inputs = read_prompts(input, "input");
  embedding.request.listed = is_list_of_prompts(input);
  embedding.base64 = read_encoding_format(fields);
  if (auto dimensions = fields.integer("dimensions", 1, kMostTokens)) {
    embedding.request.dimensions = static_cast<uint32_t>(*dimensions);
  }
  embedding.request.truncate = fields.flag("truncate").value_or(false);
  // vLLM's -1 is the model's own limit.
  auto cut = fields.integer("truncate_prompt_tokens", -1, kMostTokens);
  if (cut == 0)
    refuse("truncate_prompt_tokens must be -1 or at least 1, not 0", "truncate_prompt_tokens",
           error_name::kInvalidValue);
  if (cut == -1) embedding.request.truncate = true;
  if (cut && *cut > 0) embedding.request.truncate_prompt_tokens = static_cast<uint32_t>(*cut);
  if (!fields.flag("add_special_tokens").value_or(true)) {
    refuse("\"add_special_tokens\": false is not supported", "add_special_tokens",
           error_name::kUnsupportedValue);
  }
  embedding.handling = read_handling(fields);
  read_unsupported(fields, Endpoint::embedding);
}

void read_tokenize(Fields& fields, serve::TokenizeRequest& request) {
  request.model = read_model(fields);
  request.with_pieces = fields.flag("return_token_strs").value_or(false);
  auto prompt = fields.text("prompt");
  const Json* messages = fields.find("messages");
  if (prompt.has_value() == (messages != nullptr)) {
    refuse("give either prompt or messages", "prompt",
           prompt ? error_name::kInvalidValue : error_name::kMissingParameter);
  }
  if (prompt) {
    request.input = *prompt;
    request.add_special_tokens = fields.flag("add_special_tokens").value_or(true);
    return;
  }
  serve::ChatRequest chat{.model = request.model};
  read_chat_prompt(fields, chat);
  if (fields.flag("continue_final_message").value_or(false)) {
    refuse("\"continue_final_message\" is not supported", "continue_final_message",
           error_name::kUnsupportedParameter);
  }
  request.add_special_tokens = false;
  request.input = std::move(chat);
}

void read_detokenize(Fields& fields, DecodedDetokenize& request) {
  request.model = read_model(fields);
  request.ids = read_ids(fields.required("tokens"), "tokens");
}

}  // namespace

Result<DecodedChat> decode_chat(const std::string& body, UnknownFields& unknown) {
  return decoded(body, unknown, read_chat);
}
Result<DecodedCompletion> decode_completion(const std::string& body, UnknownFields& unknown) {
  return decoded(body, unknown, read_completion);
}
Result<DecodedEmbedding> decode_embedding(const std::string& body, UnknownFields& unknown) {
  return decoded(body, unknown, read_embedding);
}
Result<serve::TokenizeRequest> decode_tokenize(const std::string& body, UnknownFields& unknown) {
  return decoded(body, unknown, read_tokenize);
}
Result<DecodedDetokenize> decode_detokenize(const std::string& body, UnknownFields& unknown) {
  return decoded(body, unknown, read_detokenize);
}

}  // namespace weir::api
