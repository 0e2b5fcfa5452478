#pragma once

#include <string>
#include <vector>

#include "admission.h"
#include "model_set.h"
#include "weir/serve/service.h"

namespace weir::serve {

/// What is known of a request before the work of rendering and tokenizing it.
Extent extent_of(const LoadedModel& model, const ChatRequest& request);
Extent extent_of(const LoadedModel& model, const CompletionRequest& request);
Extent extent_of(const LoadedModel& model, const EmbeddingRequest& request);

/// How many rows a request has.
size_t row_count(const ChatRequest& request);
size_t row_count(const CompletionRequest& request);
size_t row_count(const EmbeddingRequest& request);

/// The field whose entries are the rows.
const char* rows_field(const ChatRequest& request);
const char* rows_field(const CompletionRequest& request);
const char* rows_field(const EmbeddingRequest& request);

/// A queue's refusal of too many rows names the field that holds them.
template <class Request>
Error with_field(const Request& request, Error error) {
  if (error.code == Code::invalid_argument && error.param.empty())
    error.param = rows_field(request);
  return error;
}

/// From what was asked to the rows of the work queue: rendered, tokenized, checked against what the
/// model takes. Errors: invalid_argument with the field in `param`.
Result<std::vector<Row>> rows_of(const ReadyModel& model, const ChatRequest& request);
Result<std::vector<Row>> rows_of(const ReadyModel& model, const CompletionRequest& request);
Result<std::vector<Row>> rows_of(const ReadyModel& model, const EmbeddingRequest& request);

/// The same prompts as texts: what the template renders, what was given, or what the ids say.
Result<std::vector<std::string>> texts_of(const ReadyModel& model, const ChatRequest& request);
Result<std::vector<std::string>> texts_of(const ReadyModel& model,
                                          const CompletionRequest& request);
Result<std::vector<std::string>> texts_of(const ReadyModel& model, const EmbeddingRequest& request);

}  // namespace weir::serve
