#include "weir/base/spelling.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Spelling, OneEditIsALetterLeftOutPutInOrAnotherOrTwoSwapped) {
  EXPECT_TRUE(edits_at_most("port", "port", 0));
  for (const char* near : {"prt", "poort", "pert", "prot", "portx", "ort"}) {
    EXPECT_TRUE(edits_at_most(near, "port", 1)) << near;
    EXPECT_FALSE(edits_at_most(near, "port", 0)) << near;
  }
  for (const char* far : {"pt", "ropt", "pots", "", "transport"})
    EXPECT_FALSE(edits_at_most(far, "port", 1)) << far;
}

TEST(Spelling, TwoEdits) {
  EXPECT_TRUE(edits_at_most("max_tokns", "max_tokens", 1));
  EXPECT_TRUE(edits_at_most("mx_tokns", "max_tokens", 2));
  EXPECT_FALSE(edits_at_most("mx_tkns", "max_tokens", 2));
}

}  // namespace
}  // namespace weir
