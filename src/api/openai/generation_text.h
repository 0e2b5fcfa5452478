#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/answer/generation.h"
#include "api/answer/stream_form.h"
#include "api/codec/requests.h"
#include "weir/serve/service.h"

/// Generations in OpenAI's JSON.
namespace weir::api::openai {

enum class AnswerForm : uint8_t { chat, completion };

/// What all parts of one answer have in common.
struct AnswerShape {
  AnswerForm form;
  Presentation presentation = {};
  std::string id;
  int64_t created = 0;  // seconds since 1970
  std::string model, fingerprint;
};

using serve::Prompts;

std::string whole_answer(const AnswerShape& shape, const Prompts& prompts,
                         const std::vector<ChoiceText>& choices, const serve::Usage& usage);

/// Writes server-sent events. The text that is the same in every chunk is made once.
class ChunkWriter final : public StreamForm {
 public:
  ChunkWriter(AnswerShape shape, const Prompts& prompts);

  std::string_view type() const override;
  /// Writes the role of each choice of a chat.
  void start(std::string& out) override;
  /// Writes nothing for a delta that says nothing.
  void delta(std::string& out, const serve::Delta& delta) override;
  /// Writes the usage chunk, if asked for, and the end mark.
  void finish(std::string& out, const serve::Usage& usage) override;
  void error(std::string& out, const Error& error) override;
  void comment(std::string& out, std::string_view text) override;

 private:
  struct ChoiceProgress {
    size_t prompt_tokens = 0, completion_tokens = 0;
    size_t characters = 0;      // of the tokens whose logprobs were written
    bool prompt_shown = false;  // the first chunk of a completion has its prompt's ids
  };
  bool says_nothing(const serve::Delta& delta) const;
  /// Writes what follows the choices of a chunk.
  void end_chunk(std::string& out, const ChoiceProgress& choice) const;

  std::string prefix_;
  AnswerShape shape_;
  Prompts prompts_;                      // only with return_token_ids
  std::vector<ChoiceProgress> choices_;  // one for each prompt
};

}  // namespace weir::api::openai
