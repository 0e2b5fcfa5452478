#include "api/json_text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace weir::api {
namespace {

TEST(JsonText, Base64) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(JsonText, Values) {
  std::string out;
  append_json(out, std::span<const float>(std::vector<float>{0.1f, 1e-20f, INFINITY}));
  append_json(out, std::string_view("a\"\x7f"));
  EXPECT_EQ(out, "[0.1,1e-20,null]\"a\\\"\x7f\"");
}

}  // namespace
}  // namespace weir::api
