#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/codec/requests.h"
#include "weir/serve/service.h"

/// Generations in OpenAI's JSON.
namespace weir::http {

enum class Dialect : uint8_t { chat, completion };

/// What all parts of one answer share.
struct AnswerShape {
  Dialect dialect;
  Presentation presentation;
  std::string id;
  int64_t created = 0;  // seconds since 1970
  std::string model, fingerprint;
};

/// One choice, put together.
struct Choice {
  std::string text;
  std::vector<int32_t> token_ids;
  std::vector<serve::TokenLogprob> logprobs = {}, prompt_logprobs = {};  // where asked for
  serve::End end;
};
using Prompts = std::vector<std::vector<int32_t>>;

std::string whole_answer(const AnswerShape& shape, const Prompts& prompts,
                         const std::vector<Choice>& choices, const serve::Usage& usage);

/// Writes server-sent events. What is the same in every chunk is put together once.
class ChunkWriter {
 public:
  ChunkWriter(AnswerShape shape, const Prompts& prompts);

  /// What comes before the first token: the role of each chat choice.
  void start(std::string& out) const;
  /// Nothing for a delta that says nothing.
  void delta(std::string& out, const serve::Delta& delta);
  /// The usage chunk, if asked for, and the end mark.
  void finish(std::string& out, const serve::Usage& usage) const;
  static void error(std::string& out, const Error& error);

 private:
  struct Progress {
    size_t prompt_tokens = 0, completion_tokens = 0;
    size_t characters = 0;      // of the tokens whose logprobs were told
    bool prompt_shown = false;  // completions say their prompt's ids in their first chunk
  };
  bool says_nothing(const serve::Delta& delta) const;
  /// What stands behind the choices of a chunk.
  void end_chunk(std::string& out, const Progress& choice) const;

  std::string prefix_;
  AnswerShape shape_;
  Prompts prompts_;                // only with return_token_ids
  std::vector<Progress> choices_;  // one a prompt
};

}  // namespace weir::http
