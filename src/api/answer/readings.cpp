#include "api/answer/readings.h"

#include <utility>

#include "api/answer/answer.h"
#include "api/json_text.h"

namespace weir::api {

Result<ReadAnswers> read_answers(Call& call, Api& api, serve::Ask ask) {
  auto generation = api.service.start(std::move(ask), call.caller);
  if (!generation) return generation.error();
  auto answers = serve::wait_for_answers(**generation, call.caller.gone);
  if (!answers) return answers.error();
  return ReadAnswers{.model = (*generation)->model(),
                     .answers = *std::move(answers),
                     .usage = (*generation)->usage()};
}

Said answer_list(Api& api, const ReadAnswers& read, const ListForm& form,
                 const std::function<void(std::string&, const serve::Answer&)>& append) {
  std::string out = R"({"id":)";
  append_json(out, form.id + api.new_id());
  out += R"(,"object":"list","created":)";
  append_json(out, unix_seconds());
  out += R"(,"model":)";
  append_json(out, read.model);
  out += R"(,"data":[)";
  for (size_t i = 0; i < read.answers->size(); ++i) {
    if (i > 0) out += ',';
    out += form.item;
    append_json(out, static_cast<int64_t>(i));
    append(out, (*read.answers)[i]);
    out += '}';
  }
  out += R"(],"usage":{"prompt_tokens":)";
  append_json(out, int64_t{read.usage.prompt_tokens});
  out += R"(,"total_tokens":)";
  append_json(out, int64_t{read.usage.prompt_tokens});
  Said said = answer_json(out += "}}");
  add_server_timing(said, read.usage);
  return said;
}

void append_labels(std::string& out, const serve::ScoredLabels& labels) {
  out += '[';
  for (size_t i = 0; i < labels.size(); ++i) {
    out += i > 0 ? R"(,{"label":)" : R"({"label":)";
    append_json(out, labels[i].name);
    append_float(out += R"(,"score":)", static_cast<float>(labels[i].score));
    out += '}';
  }
  out += ']';
}

void append_spans(std::string& out, const serve::Spans& spans) {
  out += '[';
  for (size_t i = 0; i < spans.size(); ++i) {
    out += i > 0 ? R"(,{"label":)" : R"({"label":)";
    append_json(out, spans[i].label);
    append_json(out += R"(,"start":)", int64_t{spans[i].begin});
    append_json(out += R"(,"end":)", int64_t{spans[i].end});
    append_json(out += R"(,"text":)", spans[i].text);
    append_float(out += R"(,"score":)", static_cast<float>(spans[i].score));
    out += '}';
  }
  out += ']';
}

namespace {

using namespace schema;

Field must(const char* name, Json schema) {
  return {.name = name, .schema = std::move(schema), .required = true};
}

}  // namespace

Json labels_schema() { return list(answer({must("label", text()), must("score", any_number())})); }

Json spans_schema() {
  return list(answer({must("label", text()), must("start", count()), must("end", count()),
                      must("text", text()), must("score", number(0, 1))}));
}

Json list_answer(const FieldList& fields) {
  Json entry = answer(joined({FieldList{must("index", count())}, fields}));
  return answer(
      {must("id", text()), must("object", only("list")), must("created", count()),
       must("model", text()), must("data", list(std::move(entry))),
       must("usage", answer({must("prompt_tokens", count()), must("total_tokens", count())}))});
}

}  // namespace weir::api
