#include <string>

#include "api/answer/answer.h"
#include "api/openapi/document.h"
#include "api/openapi/page.h"
#include "api/routes/handlers.h"
#include "api/schema/route_schema.h"

namespace weir::api {

Result<Said> get_openapi(Call&, Api& api) { return answer_json(api.documents->now(api).text); }

Result<Said> get_docs(Call& call, Api& api) {
  const std::string base = "http://" + (call.host.empty() ? "localhost" : call.host);
  return Said{.headers = {{"Content-Security-Policy", kPagePolicy},
                          {"X-Content-Type-Options", "nosniff"},
                          {"Referrer-Policy", "no-referrer"}},
              .type = "text/html; charset=utf-8",
              .body = docs_page(api.documents->now(api).json, base)};
}

}  // namespace weir::api
