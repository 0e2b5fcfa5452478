#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/schema/schema.h"
#include "weir/api/api.h"
#include "weir/api/call.h"

namespace weir::api {

/// The answers of a task that does not generate.
struct Readings {
  std::string model;
  std::shared_ptr<const serve::Answers> answers;
  serve::Usage usage;
};

/// Starts the request and waits for its answers. Errors: the service's; cancelled (the client
/// left).
Result<Readings> read_answers(Call& call, Api& api, serve::Ask ask);

/// How a list of answers begins: its id, and each of its entries up to the index.
struct ListForm {
  const char* id;
  const char* item = R"({"index":)";
};
/// 200 with {"id", "object": "list", "created", "model", "data": [...], "usage"}. `append` writes
/// the fields of an entry behind its index, each with a comma before it.
Said answer_list(Api& api, const Readings& read, const ListForm& form,
                 const std::function<void(std::string&, const serve::Answer&)>& append);
/// The schema of that list, whose entries have these fields behind their index.
Json list_answer(const schema::FieldList& fields);

/// Values of an entry, and their schemas.
void append_labels(std::string& out, const serve::ScoredLabels& labels);
void append_spans(std::string& out, const serve::Spans& spans);
Json labels_schema();
Json spans_schema();

}  // namespace weir::api
