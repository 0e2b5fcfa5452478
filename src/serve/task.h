#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admission.h"
#include "key_bytes.h"
#include "model_set.h"
#include "still_wanted.h"
#include "weir/serve/ask.h"
#include "weir/serve/tasks.h"
#include "weir/work/output.h"

namespace weir::serve {

/// What a request's key in the response cache is made of. Owns nothing.
struct KeyParts {
  const Options& options;
  const std::vector<Input>& inputs;
  const std::vector<RequestRow>& rows;
};

/// What a task makes of a request for the model, and of the model's numbers for the client. There
/// is one Task for each alternative of Options. Pure functions, for any thread. REQUIRES: the Ask's
/// options are the task's own, and the model has the tasks that needs() returns.
struct Task {
  std::string_view name;   // in the log
  std::string_view field;  // of a request: its entries are the inputs

  /// The tasks that a model must have.
  Tasks (*needs)(const Options& options);
  /// What is known of a request before the work of rendering and tokenizing it.
  Extent (*extent)(const ModelCard& model, const Ask& ask);
  /// Renders, tokenizes and checks the inputs against the model's limits. Errors: invalid_argument
  /// with the field in `param`; those of StillWanted.
  Result<std::vector<RequestRow>> (*rows)(const ReadyModel& model, const Ask& ask,
                                          StillWanted& wanted);
  /// The text, or the pair of texts, of an input as it is tokenized.
  Result<Text> (*text)(const ReadyModel& model, const Input& input);
  /// Adds all that the answer depends on beside the rows' tokens. False: two answers to the request
  /// may differ.
  bool (*add_to_key)(KeyBytes& key, const KeyParts& parts);
  /// Whether the request means the same to another model with this task: it has texts, not ids of
  /// one vocabulary.
  bool (*is_of_text)(const Ask& ask);
  /// Makes one answer for each input; `readings` has one entry for each row. Null: the task
  /// generates. Errors: invalid_argument, internal.
  Result<Answers> (*answers)(const ModelCard& model, const Ask& ask,
                             std::span<const RequestRow> rows,
                             std::vector<work::Readings> readings);

  bool generates() const { return answers == nullptr; }
};

const Task& task_of(const Options& options);

/// The tasks, each in a file of its own.
extern const Task kGenerate, kEmbed, kClassify, kTag, kAnalyze;

/// What the request needs of a model.
Needs needs_of(const Ask& ask);
/// "messages" of a conversation, else the task's own field.
std::string_view inputs_field(const Ask& ask);
/// "prompt" for an input that stands alone, "prompt[2]" for one of a list.
std::string field_of(const Ask& ask, size_t index);
/// A queue's refusal of too many rows, with the field of the inputs in `param`.
Error with_field(std::string_view field, Error error);

}  // namespace weir::serve
