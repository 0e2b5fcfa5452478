#pragma once

#include "api/codec/requests.h"

/// Requests of /v1/classify, /v1/tag and /v1/analyze. Errors as in requests.h.
namespace weir::api {

struct DecodedReading {
  serve::Ask ask;
  Handling handling;
};

Result<DecodedReading> decode_classify(const std::string& body, UnknownFields& unknown);
Result<DecodedReading> decode_tag(const std::string& body, UnknownFields& unknown);
struct DecodedAnalysis : DecodedReading {
  bool base64 = false;  // the form of the vector
};
Result<DecodedAnalysis> decode_analyze(const std::string& body, UnknownFields& unknown);

}  // namespace weir::api
