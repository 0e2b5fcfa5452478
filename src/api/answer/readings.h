#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/schema/schema.h"
#include "weir/api/api.h"
#include "weir/api/call.h"

namespace weir::api {

/// The answers of a task that does not generate.
struct ReadAnswers {
  std::string model;
  std::shared_ptr<const serve::Answers> answers;
  serve::Usage usage;
};

/// Starts the request and waits for its answers. Errors: the service's; cancelled (the client
/// left).
Result<ReadAnswers> read_answers(Call& call, Api& api, serve::Ask ask);

/// The beginning of a list of answers: its id, and the text of each entry before the index.
struct ListForm {
  const char* id;
  const char* item = R"({"index":)";
};
/// 200 with {"id", "object": "list", "created", "model", "data": [...], "usage"}. `append` writes
/// the fields of an entry after its index, each with a comma before it.
Said answer_list(Api& api, const ReadAnswers& read, const ListForm& form,
                 const std::function<void(std::string&, const serve::Answer&)>& append);
/// The schema of that list. Its entries have these fields after their index.
Json list_answer(const schema::FieldList& fields);

/// Values of an entry, and their schemas.
void append_labels(std::string& out, const serve::ScoredLabels& labels);
void append_spans(std::string& out, const serve::Spans& spans);
Json labels_schema();
Json spans_schema();

}  // namespace weir::api
