#include <fmt/format.h>

#include "api/answer/answer.h"
#include "api/json_text.h"
#include "api/openai/handlers.h"
#include "weir/base/excerpt.h"

namespace weir::api::openai {
namespace {

void append_tasks(std::string& out, serve::Tasks tasks) {
  out += R"(,"tasks":[)";
  bool first = true;
  for (std::string_view name : tasks.names()) {
    if (!first) out += ',';
    first = false;
    append_json(out, name);
  }
  out += ']';
}

void append_model(std::string& out, const serve::ModelInfo& info) {
  out += R"({"id":)";
  append_json(out, info.name);
  out += R"(,"object":"model","created":)";
  append_json(out, info.created);
  out += R"(,"owned_by":"weir","kind":)";
  if (!info.tasks)
    out += "null";
  else
    append_json(out, info.tasks->has(serve::HeadTask::generate) ? "generate" : "embed");
  if (info.tasks) append_tasks(out, *info.tasks);
  if (!info.failure.empty()) {
    out += R"(,"state":"failed","reason":)";
    append_json(out, info.failure);
    out += '}';
    return;
  }
  out += R"(,"max_model_len":)";
  append_json(out, int64_t{info.max_model_len});
  if (info.max_source_len)
    append_json(out += R"(,"max_source_len":)", int64_t{*info.max_source_len});
  out += R"(,"architecture":)";
  append_json(out, info.architecture);
  out += R"(,"dtype":)";
  append_json(out, info.dtype);
  out += '}';
}

}  // namespace

Result<Said> get_models(Call& call, Api& api) {
  std::string out = R"({"object":"list","data":[)";
  bool first = true;
  for (const auto& info : api.service.models(call.caller)) {
    if (!first) out += ',';
    first = false;
    append_model(out, info);
  }
  return answer_json(out += "]}");
}

Result<Said> get_model(Call& call, Api& api) {
  for (const auto& info : api.service.models(call.caller)) {
    if (info.name != call.tail) continue;
    std::string out;
    append_model(out, info);
    return answer_json(std::move(out));
  }
  return Error{.code = Code::not_found,
               .message = fmt::format("the model \"{}\" does not exist", excerpt(call.tail)),
               .param = "model"};
}

}  // namespace weir::api::openai
