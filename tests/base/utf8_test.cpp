#include "weir/base/utf8.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Utf8, WhatIsWellFormedStays) {
  EXPECT_EQ(valid_utf8(""), "");
  EXPECT_EQ(valid_utf8("a\n\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"),
            "a\n\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
}

TEST(Utf8, EachByteOfNoSequenceIsReplaced) {
  EXPECT_EQ(valid_utf8("a\xFF"), "a\xEF\xBF\xBD");
  EXPECT_EQ(valid_utf8("\xC3"), "\xEF\xBF\xBD") << "cut short";
  EXPECT_EQ(valid_utf8("\xC0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD") << "longer than needed";
  EXPECT_EQ(valid_utf8("\xED\xA0\x80z"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz") << "a surrogate";
}

}  // namespace
}  // namespace weir
