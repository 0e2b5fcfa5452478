#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "api/codec/unknown_fields.h"
#include "weir/base/result.h"
#include "weir/serve/service.h"

/// Decodes bodies into requests of the service. `unknown` gets the unknown fields. Errors:
/// invalid_argument, with the field in `param`.
namespace weir::api {

/// The form of the answer that a client wants.
struct Presentation {
  bool stream = false;
  bool include_usage = false;     // at the end of a stream
  bool continuous_usage = false;  // in each of its chunks
  bool return_token_ids = false;
  bool echo = false;                      // the prompt stands before its completion
  std::optional<uint32_t> logprobs = {};  // of so many most likely tokens beside the drawn one
  std::optional<uint32_t> prompt_logprobs = {};  // the same of the prompt's tokens
};

/// How a client wants its request to be treated.
struct Handling {
  std::optional<std::chrono::milliseconds> timeout = {};
  std::optional<int> priority = {};  // 0 to 9
};

struct DecodedGeneration {
  serve::Ask ask;
  Presentation presentation;
  Handling handling;
};
struct DecodedEmbedding {
  serve::Ask ask;
  bool base64 = false;
  Handling handling;
};
struct DecodedDetokenize {
  std::string model;
  serve::Ids ids;
};

Result<DecodedGeneration> decode_chat(const std::string& body, UnknownFields& unknown);
Result<DecodedGeneration> decode_completion(const std::string& body, UnknownFields& unknown);
Result<DecodedEmbedding> decode_embedding(const std::string& body, UnknownFields& unknown);
Result<serve::TokenizeRequest> decode_tokenize(const std::string& body, UnknownFields& unknown);
Result<DecodedDetokenize> decode_detokenize(const std::string& body, UnknownFields& unknown);

}  // namespace weir::api
