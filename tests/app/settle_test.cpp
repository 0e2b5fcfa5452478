#include "app/settle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/given.h"

using testing::HasSubstr;
using testing::Not;

namespace weir::app {
namespace {

Result<Given> by_variable(const std::string& name, const std::string& text) {
  return given_by_environment([&](const std::string& asked) -> const char* {
    return asked == name ? text.c_str() : nullptr;
  });
}

TEST(Settle, AKeyLosesTheLineBreakAtItsEnd) {
  for (const char* text : {"hunter2", "hunter2\n", "hunter2\r\n", "hunter2\n\n"}) {
    auto given = by_variable("WEIR_API_KEY", text);
    ASSERT_TRUE(given) << given.error().message;
    EXPECT_EQ(std::get<std::string>(given->at("api-key").value), "hunter2");
  }
  EXPECT_EQ(*settle_secret("pass phrase"), "pass phrase");
}

TEST(Settle, AKeyThatNoClientCanSendIsRefusedWithoutBeingRepeated) {
  for (const char* text : {"\"hunter2\"", "'hunter2'", " hunter2", "hunter2 ", "hunter2 \n",
                           "hunter2\t", "hun\nter2"}) {
    auto given = by_variable("WEIR_API_KEY", text);
    ASSERT_FALSE(given) << text;
    EXPECT_THAT(given.error().message, HasSubstr("api-key (env WEIR_API_KEY): it "));
    EXPECT_THAT(given.error().message, Not(HasSubstr("hun")));
  }
  EXPECT_FALSE(settle_secret("\n"));
}

TEST(Settle, AnAddressThatIsNoneIsRefused) {
  for (const char* text : {"", "*"}) {
    auto given = given_by_flags({{"host", {text}}});
    ASSERT_FALSE(given) << text;
    EXPECT_THAT(given.error().message, HasSubstr("0.0.0.0 is every address of IPv4, :: of IPv6"));
  }
  for (const char* text : {"127.0.0.1", "::", "localhost"}) EXPECT_EQ(*settle_host(text), text);
}

}  // namespace
}  // namespace weir::app
