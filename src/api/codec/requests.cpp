#include "api/codec/requests.h"

#include <fmt/format.h>

#include "api/codec/json_reader.h"
#include "api/codec/parts.h"
#include "api/codec/unsupported.h"
#include "weir/base/excerpt.h"

namespace weir::api {
namespace {

template <class T>
Result<T> decoded(const std::string& body, UnknownFields& unknown, void (*read)(Fields&, T&)) {
  T result;
  auto done = decode(body, unknown, [&](Fields& fields) { read(fields, result); });
  if (!done) return done.error();
  return result;
}

// One value has an older and a newer name.
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

serve::Chat read_conversation(Fields& fields) {
  serve::Chat chat{.messages = read_messages(fields),
                   .template_kwargs = read_template_kwargs(fields),
                   .add_generation_prompt = fields.flag("add_generation_prompt").value_or(true)};
  if (fields.flag("add_special_tokens").value_or(false)) {
    refuse("\"add_special_tokens\" is not supported for messages: the template writes them",
           "add_special_tokens", error_name::kUnsupportedValue);
  }
  return chat;
}

void read_chat(Fields& fields, DecodedGeneration& chat) {
  chat.ask.model = read_model(fields);
  chat.ask.inputs.emplace_back(read_conversation(fields));
  serve::Sampling sampling;
  read_sampling(fields, sampling);
  sampling.max_tokens = read_chat_max_tokens(fields);
  check_min_tokens(sampling);
  chat.presentation = read_presentation(fields);
  chat.presentation.logprobs = read_chat_logprobs(fields);
  chat.presentation.prompt_logprobs = read_prompt_logprobs(fields, chat.presentation);
  tell_logprobs(chat.presentation, sampling);
  chat.ask.options = serve::Generate{.sampling = std::move(sampling)};
  check_beams(std::get<serve::Generate>(chat.ask.options), chat.presentation);
  chat.handling = read_handling(fields);
  read_unsupported(fields, Endpoint::chat);
}

void read_completion(Fields& fields, DecodedGeneration& completion) {
  completion.ask.model = read_model(fields);
  const Json& prompt = fields.required("prompt");
  completion.ask.inputs = read_inputs(prompt, "prompt");
  completion.ask.listed = is_list_of_inputs(prompt);
  const bool add_special = fields.flag("add_special_tokens").value_or(true);
  for (serve::Input& input : completion.ask.inputs)
    if (auto* text = std::get_if<serve::Text>(&input)) text->add_special = add_special;
  serve::Sampling sampling;
  read_sampling(fields, sampling);
  const bool echo = fields.flag("echo").value_or(false);
  sampling.max_tokens = read_max_tokens(fields, "max_tokens", echo ? 0 : 1);
  check_min_tokens(sampling);
  completion.presentation = read_presentation(fields);
  completion.presentation.echo = echo;
  completion.presentation.logprobs = read_completion_logprobs(fields);
  completion.presentation.prompt_logprobs = read_prompt_logprobs(fields, completion.presentation);
  tell_logprobs(completion.presentation, sampling);
  completion.ask.options =
      serve::Generate{.sampling = std::move(sampling),
                      .echo = echo,
                      .decoder_prompt = read_one_input(fields, "decoder_prompt")};
  check_beams(std::get<serve::Generate>(completion.ask.options), completion.presentation);
  completion.handling = read_handling(fields);
  read_unsupported(fields, Endpoint::completion);
}

void read_embedding(Fields& fields, DecodedEmbedding& embedding) {
  embedding.ask.model = read_model(fields);
  const Json& input = fields.required("input");
  embedding.ask.inputs = read_inputs(input, "input");
  embedding.ask.listed = is_list_of_inputs(input);
  embedding.base64 = read_encoding_format(fields);
  embedding.ask.options =
      serve::Embed{.dimensions = read_dimensions(fields), .truncation = read_truncation(fields)};
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
    request.input = serve::Text{.text = *std::move(prompt),
                                .add_special = fields.flag("add_special_tokens").value_or(true)};
    return;
  }
  serve::Chat chat = read_conversation(fields);
  if (fields.flag("continue_final_message").value_or(false)) {
    refuse("\"continue_final_message\" is not supported", "continue_final_message",
           error_name::kUnsupportedParameter);
  }
  request.input = std::move(chat);
}

void read_detokenize(Fields& fields, DecodedDetokenize& request) {
  request.model = read_model(fields);
  request.ids = read_ids(fields.required("tokens"), "tokens");
}

}  // namespace

Result<DecodedGeneration> decode_chat(const std::string& body, UnknownFields& unknown) {
  return decoded(body, unknown, read_chat);
}
Result<DecodedGeneration> decode_completion(const std::string& body, UnknownFields& unknown) {
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
