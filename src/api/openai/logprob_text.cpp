#include "api/openai/logprob_text.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "api/json_text.h"

namespace weir::api::openai {
namespace {

using serve::TokenLogprob;

void append_logprob(std::string& out, float logprob) {
  constexpr float kLeast = -9999;
  std::isfinite(logprob) && logprob > kLeast ? append_float(out, logprob) : out += "-9999.0";
}

void append_logprob(std::string& out, const std::optional<float>& logprob) {
  logprob ? append_logprob(out, *logprob) : void(out += "null");
}

template <class Values, class Append>
void append_list(std::string& out, const Values& values, Append append) {
  out += '[';
  bool first = true;
  for (const auto& value : values) {
    if (!std::exchange(first, false)) out += ',';
    append(value);
  }
  out += ']';
}

std::span<const TokenLogprob::Top> likeliest(const TokenLogprob& token, size_t top) {
  return std::span(token.top).first(std::min(top, token.top.size()));
}

// Counts the first bytes of characters, so that parts of one character count once.
size_t characters(std::string_view bytes) {
  const auto begins = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; };
  return static_cast<size_t>(std::count_if(bytes.begin(), bytes.end(), begins));
}

// The object of a token in chats, without its closing brace.
void append_chat_token(std::string& out, std::string_view bytes,
                       const std::optional<float>& logprob) {
  append_json(out += R"({"token":)", bytes);
  append_logprob(out += R"(,"logprob":)", logprob);
  out += R"(,"bytes":)";
  append_list(out, bytes,
              [&](char byte) { append_json(out, int64_t{static_cast<unsigned char>(byte)}); });
}

// An object from text to logprob. Of tokens with the same text it has the most likely one.
class TopObject {
 public:
  explicit TopObject(std::string& out) : out_(out) { out_ += '{'; }
  ~TopObject() { out_ += '}'; }
  TopObject(const TopObject&) = delete;

  void add(std::string_view bytes, float logprob) {
    std::string name;
    append_json(name, bytes);
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) return;
    if (!names_.empty()) out_ += ',';
    append_logprob(out_ += name + ':', logprob);
    names_.push_back(std::move(name));
  }

 private:
  std::string& out_;
  std::vector<std::string> names_;
};

void append_top(std::string& out, const TokenLogprob& token, size_t top) {
  if (!token.logprob) {
    out += "null";
    return;
  }
  TopObject object(out);
  for (const auto& one : likeliest(token, top)) object.add(one.bytes, one.logprob);
  object.add(token.bytes, *token.logprob);
}

void append_ranked(std::string& out, int32_t id, std::string_view bytes, float logprob,
                   size_t rank) {
  append_json(out += '"', int64_t{id});
  append_logprob(out += R"(":{"logprob":)", logprob);
  append_json(out += R"(,"rank":)", static_cast<int64_t>(rank));
  append_json(out += R"(,"decoded_token":)", bytes) += '}';
}

}  // namespace

void append_chat_logprobs(std::string& out, TokenLogprobs tokens) {
  out += R"({"content":)";
  append_list(out, tokens, [&](const TokenLogprob& token) {
    append_chat_token(out, token.bytes, token.logprob);
    out += R"(,"top_logprobs":)";
    append_list(out, token.top, [&](const TokenLogprob::Top& top) {
      append_chat_token(out, top.bytes, top.logprob);
      out += '}';
    });
    out += '}';
  });
  out += R"(,"refusal":null})";
}

void append_completion_logprobs(std::string& out, const CompletionLogprobs& logprobs,
                                size_t& offset) {
  std::vector<const TokenLogprob*> tokens;
  for (const auto& part : {logprobs.prompt, logprobs.completion})
    for (const TokenLogprob& token : part) tokens.push_back(&token);
  out += R"({"text_offset":)";
  append_list(out, tokens, [&](const TokenLogprob* token) {
    append_json(out, static_cast<int64_t>(offset));
    offset += characters(token->bytes);
  });
  out += R"(,"token_logprobs":)";
  append_list(out, tokens, [&](const TokenLogprob* token) { append_logprob(out, token->logprob); });
  out += R"(,"tokens":)";
  append_list(out, tokens, [&](const TokenLogprob* token) { append_json(out, token->bytes); });
  out += R"(,"top_logprobs":)";
  append_list(out, tokens,
              [&](const TokenLogprob* token) { append_top(out, *token, logprobs.top); });
  out += '}';
}

void append_prompt_logprobs(std::string& out, TokenLogprobs tokens, size_t top) {
  append_list(out, tokens, [&](const TokenLogprob& token) {
    if (!token.logprob) {
      out += "null";
      return;
    }
    append_ranked(out += '{', token.id, token.bytes, *token.logprob,
                  static_cast<size_t>(token.rank));
    size_t rank = 0;
    for (const auto& one : likeliest(token, top)) {
      ++rank;
      if (one.id != token.id) append_ranked(out += ',', one.id, one.bytes, one.logprob, rank);
    }
    out += '}';
  });
}

}  // namespace weir::api::openai
