#include "weir/base/quantity.h"

#include <gtest/gtest.h>

#include <array>

namespace weir {
namespace {

constexpr int64_t kMost = int64_t{64} << 40;

std::optional<int64_t> parsed(std::string_view text, int64_t most = kMost) {
  static constexpr std::array kUnits{Unit{"", 1}, Unit{"kib", 1 << 10}, Unit{"k", 1 << 10},
                                     Unit{"gib", 1 << 30}, Unit{"tib", int64_t{1} << 40}};
  return parse_quantity(text, kUnits, most);
}

TEST(Quantity, IsANumberAndAUnitInAnyCase) {
  EXPECT_EQ(parsed("0"), 0);
  EXPECT_EQ(parsed("17"), 17);
  EXPECT_EQ(parsed("3KiB"), 3 << 10);
  EXPECT_EQ(parsed("3k"), 3 << 10);
  EXPECT_EQ(parsed("3 K"), 3 << 10);
  EXPECT_EQ(parsed("64tib"), kMost);
  EXPECT_EQ(parsed("007"), 7);
}

TEST(Quantity, DecimalsAreRoundedDown) {
  EXPECT_EQ(parsed("1.5GiB"), 3 << 29);
  EXPECT_EQ(parsed("0.25k"), 256);
  EXPECT_EQ(parsed("1.000001GiB"), (1 << 30) + 1073);
  EXPECT_EQ(parsed("2.9"), 2);
  EXPECT_EQ(parsed("1.999999TiB"), (int64_t{1} << 40) / 1'000'000 * 1'999'999 +
                                       (int64_t{1} << 40) % 1'000'000 * 1'999'999 / 1'000'000);
}

TEST(Quantity, AllElseIsRefused) {
  for (const char* text : {"",
                           "k",
                           "-1",
                           "-1k",
                           "+1",
                           "1.",
                           ".5",
                           "1.k",
                           "1.0000001k",
                           "1,5k",
                           "3  k",
                           "3k ",
                           " 3k",
                           "3 ",
                           "3kb",
                           "0x10",
                           "1e3",
                           "3kk",
                           "99999999999999999999",
                           "9223372036854775807TiB"})
    EXPECT_FALSE(parsed(text)) << text;
}

TEST(Quantity, IsAtMostWhatIsAllowed) {
  EXPECT_EQ(parsed("64TiB"), kMost);
  EXPECT_FALSE(parsed("65TiB"));
  EXPECT_FALSE(parsed("64.000001TiB"));
  EXPECT_EQ(parsed("10", 10), 10);
  EXPECT_FALSE(parsed("11", 10));
}

}  // namespace
}  // namespace weir
