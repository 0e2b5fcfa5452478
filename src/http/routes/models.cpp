#include <fmt/format.h>
#include <httplib.h>

#include "http/answer/answer.h"
#include "http/json_text.h"
#include "http/route.h"
#include "weir/base/excerpt.h"

namespace weir::http {
namespace {

void append_model(std::string& out, const serve::ModelInfo& info) {
  out += R"({"id":)";
  append_json(out, info.name);
  out += R"(,"object":"model","created":)";
  append_json(out, info.created);
  out += R"(,"owned_by":"weir","kind":)";
  if (!info.kind)
    out += "null";
  else
    append_json(out, *info.kind == serve::ModelKind::generate ? "generate" : "embed");
  if (!info.failure.empty()) {
    out += R"(,"state":"failed","reason":)";
    append_json(out, info.failure);
    out += '}';
    return;
  }
  out += R"(,"max_model_len":)";
  append_json(out, int64_t{info.max_model_len});
  out += R"(,"architecture":)";
  append_json(out, info.architecture);
  out += R"(,"dtype":)";
  append_json(out, info.dtype);
  out += '}';
}

}  // namespace

Result<void> get_models(Exchange& exchange, httplib::Response& response) {
  std::string out = R"({"object":"list","data":[)";
  bool first = true;
  for (const auto& info : exchange.daemon.service.models(exchange.caller)) {
    if (!first) out += ',';
    first = false;
    append_model(out, info);
  }
  answer_json(response, out += "]}");
  return {};
}

Result<void> get_model(Exchange& exchange, httplib::Response& response) {
  for (const auto& info : exchange.daemon.service.models(exchange.caller)) {
    if (info.name != exchange.path_tail) continue;
    std::string out;
    append_model(out, info);
    answer_json(response, std::move(out));
    return {};
  }
  return Error{
      .code = Code::not_found,
      .message = fmt::format("the model \"{}\" does not exist", excerpt(exchange.path_tail)),
      .param = "model"};
}

}  // namespace weir::http
