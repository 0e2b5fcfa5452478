// What the table of routes says that a route asks of a model is what its requests ask.
#include "api/call_fixture.h"
#include "api/schema/route_schema.h"
#include "serve/task.h"

namespace weir::api {
namespace {

class RouteTasks : public CallTest {};

TEST_F(RouteTasks, AreThoseOfTheExample) {
  for (const Route& route : routes()) {
    if (!route.dry_run) {
      EXPECT_TRUE(route.asks.tasks.empty()) << route.path;
      continue;
    }
    service.last_ask = {};
    EXPECT_EQ(post(route.path, route.schema->example).status, 200) << route.path;
    const serve::Ask& ask = service.last_ask;
    EXPECT_EQ(serve::task_of(ask.options).needs(ask.options), route.asks.tasks) << route.path;
    const bool conversation =
        !ask.inputs.empty() && std::holds_alternative<serve::Chat>(ask.inputs.front());
    EXPECT_EQ(conversation, route.asks.conversation) << route.path;
  }
}

}  // namespace
}  // namespace weir::api
