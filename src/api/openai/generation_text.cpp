#include "api/openai/generation_text.h"

#include "api/json_text.h"
#include "api/openai/error_text.h"
#include "api/openai/logprob_text.h"

namespace weir::api::openai {
namespace {

void append_end(std::string& out, const serve::End& end) {
  out += R"("finish_reason":)";
  out += end.reason == serve::FinishReason::stop ? R"("stop")" : R"("length")";
  out += R"(,"stop_reason":)";
  if (auto* text = std::get_if<std::string>(&end.stop)) {
    append_json(out, *text);
  } else if (auto* id = std::get_if<int32_t>(&end.stop)) {
    append_json(out, int64_t{*id});
  } else {
    out += "null";
  }
}

void append_counts(std::string& out, int64_t prompt, int64_t completion) {
  out += R"("usage":{"prompt_tokens":)";
  append_json(out, prompt);
  out += R"(,"completion_tokens":)";
  append_json(out, completion);
  out += R"(,"total_tokens":)";
  append_json(out, prompt + completion);
}

void append_usage(std::string& out, const serve::Usage& usage) {
  append_counts(out, usage.prompt_tokens, usage.completion_tokens);
  out += R"(,"prompt_tokens_details":{"cached_tokens":)";
  append_json(out, int64_t{usage.cached_tokens});
  out += "}}";
}

void append_timings(std::string& out, const serve::Usage& usage) {
  out += R"("timings":{"queue_ms":)";
  append_ms(out, usage.queue_ms);
  out += R"(,"prefill_ms":)";
  append_ms(out, usage.prefill_ms);
  out += R"(,"decode_ms":)";
  append_ms(out, usage.decode_ms);
  out += '}';
}

const char* object_of(const AnswerShape& shape, bool chunk) {
  if (shape.form == AnswerForm::completion) return "text_completion";
  return chunk ? "chat.completion.chunk" : "chat.completion";
}

// The text up to the choices.
std::string head(const AnswerShape& shape, bool chunk) {
  std::string out = R"({"id":)";
  append_json(out, shape.id);
  out += R"(,"object":)";
  append_json(out, object_of(shape, chunk));
  out += R"(,"created":)";
  append_json(out, shape.created);
  out += R"(,"model":)";
  append_json(out, shape.model);
  out += R"(,"system_fingerprint":)";
  shape.fingerprint.empty() ? out += "null" : append_json(out, shape.fingerprint);
  return out += R"(,"choices":[)";
}

void append_ids(std::string& out, const char* name, std::span<const int32_t> ids) {
  append_json(out += ',', name);
  append_json(out += ':', ids);
}

void append_prompt_ids(std::string& out, const serve::PromptTokens& prompt) {
  append_ids(out, "prompt_token_ids", prompt.ids);
  if (!prompt.decoder_ids.empty()) append_ids(out, "decoder_prompt_token_ids", prompt.decoder_ids);
}

/// Appends the value of `logprobs`. `characters`: the characters of the tokens before these; adds
/// those of these tokens.
void append_logprobs_of(std::string& out, const AnswerShape& shape, TokenLogprobs prompt,
                        TokenLogprobs completion, size_t& characters) {
  const Presentation& wanted = shape.presentation;
  if (!wanted.echo) prompt = {};
  if (!wanted.logprobs || (prompt.empty() && completion.empty())) {
    out += "null";
  } else if (shape.form == AnswerForm::chat) {
    append_chat_logprobs(out, completion);
  } else {
    append_completion_logprobs(
        out, {.prompt = prompt, .completion = completion, .top = *wanted.logprobs}, characters);
  }
}

void append_prompt_logprobs_of(std::string& out, const AnswerShape& shape,
                               const ChoiceText& choice) {
  if (!shape.presentation.prompt_logprobs) return;
  out += R"(,"prompt_logprobs":)";
  append_prompt_logprobs(out, choice.prompt_logprobs, *shape.presentation.prompt_logprobs);
}

void append_choice(std::string& out, const AnswerShape& shape, size_t index,
                   const ChoiceText& choice) {
  out += R"({"index":)";
  append_json(out, static_cast<int64_t>(index));
  if (shape.form == AnswerForm::chat) {
    out += R"(,"message":{"role":"assistant","content":)";
    append_json(out, choice.text);
    out += R"(,"refusal":null})";
  } else {
    out += R"(,"text":)";
    append_json(out, choice.text);
  }
  size_t characters = 0;
  append_logprobs_of(out += R"(,"logprobs":)", shape, choice.prompt_logprobs, choice.logprobs,
                     characters);
  append_end(out += ',', choice.end);
  if (shape.form == AnswerForm::completion) append_prompt_logprobs_of(out, shape, choice);
}

}  // namespace

std::string whole_answer(const AnswerShape& shape, const Prompts& prompts,
                         const std::vector<ChoiceText>& choices, const serve::Usage& usage) {
  bool ids = shape.presentation.return_token_ids;
  std::string out = head(shape, false);
  for (size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) out += ',';
    append_choice(out, shape, i, choices[i]);
    if (ids) append_ids(out, "token_ids", choices[i].token_ids);
    if (ids && shape.form == AnswerForm::completion && i < prompts.size())
      append_prompt_ids(out, prompts[i]);
    out += '}';
  }
  out += "],";
  append_usage(out, usage);
  if (ids && shape.form == AnswerForm::chat && !prompts.empty()) {
    append_prompt_ids(out, prompts[0]);
  }
  if (shape.form == AnswerForm::chat && !choices.empty())
    append_prompt_logprobs_of(out, shape, choices[0]);
  return out += '}';
}

ChunkWriter::ChunkWriter(AnswerShape shape, const Prompts& prompts) : shape_(std::move(shape)) {
  prefix_ = "data: " + head(shape_, true);
  for (const auto& prompt : prompts) choices_.push_back({.prompt_tokens = prompt.size()});
  if (shape_.presentation.return_token_ids) prompts_ = prompts;
}

void ChunkWriter::end_chunk(std::string& out, const ChoiceProgress& choice) const {
  if (shape_.presentation.continuous_usage) {
    append_counts(out += ',', static_cast<int64_t>(choice.prompt_tokens),
                  static_cast<int64_t>(choice.completion_tokens));
    out += '}';
  } else if (shape_.presentation.include_usage) {
    out += R"(,"usage":null)";
  }
  out += "}\n\n";
}

// Exactly this type: with a parameter after it, some proxies and libraries take it for compressible
// text.
std::string_view ChunkWriter::type() const { return "text/event-stream"; }

void ChunkWriter::start(std::string& out) {
  if (shape_.form == AnswerForm::completion) return;
  for (size_t i = 0; i < choices_.size(); ++i) {
    out += prefix_;
    out += R"({"index":)";
    append_json(out, static_cast<int64_t>(i));
    out += R"(,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}])";
    if (!prompts_.empty()) append_prompt_ids(out, prompts_[i]);
    end_chunk(out, choices_[i]);
  }
}

bool ChunkWriter::says_nothing(const serve::Delta& delta) const {
  const Presentation& wanted = shape_.presentation;
  const bool tells_tokens = wanted.return_token_ids || wanted.logprobs;
  return delta.text.empty() && !delta.end && (delta.token_ids.empty() || !tells_tokens);
}

void ChunkWriter::delta(std::string& out, const serve::Delta& delta) {
  ChoiceProgress& choice = choices_[delta.choice];
  choice.completion_tokens += delta.token_ids.size();
  if (says_nothing(delta)) return;
  out += prefix_;
  out += R"({"index":)";
  append_json(out, int64_t{delta.choice});
  if (shape_.form == AnswerForm::completion) {
    out += R"(,"text":)";
    append_json(out, delta.text);
  } else if (delta.text.empty() && delta.end) {
    out += R"(,"delta":{})";
  } else {
    out += R"(,"delta":{"content":)";
    append_json(out, delta.text);
    out += '}';
  }
  append_logprobs_of(out += R"(,"logprobs":)", shape_, delta.prompt_logprobs, delta.logprobs,
                     choice.characters);
  out += ',';
  delta.end ? append_end(out, *delta.end) : void(out += R"("finish_reason":null)");
  if (shape_.presentation.return_token_ids) {
    append_ids(out, "token_ids", delta.token_ids);
    if (shape_.form == AnswerForm::completion && !choice.prompt_shown) {
      append_prompt_ids(out, prompts_[delta.choice]);
      choice.prompt_shown = true;
    }
  }
  out += "}]";
  end_chunk(out, choice);
}

void ChunkWriter::finish(std::string& out, const serve::Usage& usage) {
  if (shape_.presentation.include_usage) {
    out += prefix_;
    out += "],";
    append_usage(out, usage);
    out += ',';
    append_timings(out, usage);
    out += "}\n\n";
  }
  out += "data: [DONE]\n\n";
}

void ChunkWriter::error(std::string& out, const Error& error) {
  out += "data: ";
  out += error_body(error);
  out += "\n\n";
}

// No empty line follows a comment: some clients take it for the end of an event and fail.
void ChunkWriter::comment(std::string& out, std::string_view text) {
  out.append(": ").append(text).append("\n");
}

}  // namespace weir::api::openai
