#include "api/routes/reading_route.h"

#include "api/answer/dry_run.h"
#include "api/answer/readings.h"

namespace weir::api {

Json reading_request(TextsRule texts, schema::FieldList own) {
  using namespace schema;
  return request(joined({model_field(), FieldList{texts_field(texts)}, std::move(own),
                         handling_fields(), unsupported_fields(Endpoint::reading)}));
}

Json reading_answer(const schema::FieldList& entry) {
  return schema::any_of({list_answer(entry), dry_run_answer()});
}

}  // namespace weir::api
