#include "app/address_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

using testing::Contains;
using testing::Not;

namespace weir::app {
namespace {

TEST(AddressFile, IsFoundWhileItIsOpen) {
  EXPECT_FALSE(address_of(getpid()));
  {
    const AddressFile file("0.0.0.0", 61234);
    const DaemonAddress address{.host = "127.0.0.1", .port = 61234};
    EXPECT_EQ(address_of(getpid()), address);
    EXPECT_THAT(addresses_here(), Contains(address));
  }
  EXPECT_FALSE(address_of(getpid()));
  EXPECT_FALSE(address_of(0));
}

TEST(AddressFile, AWildcardIsReachedAtLoopback) {
  EXPECT_EQ(reached_from_here("0.0.0.0"), "127.0.0.1");
  EXPECT_EQ(reached_from_here("::"), "::1");
  EXPECT_EQ(reached_from_here("10.0.0.7"), "10.0.0.7");
}

TEST(DaemonAddress, IsAUrl) {
  EXPECT_EQ(url_of({.host = "127.0.0.1", .port = 80}), "http://127.0.0.1:80");
  EXPECT_EQ(url_of({.host = "::1", .port = 80}), "http://[::1]:80");
}

}  // namespace
}  // namespace weir::app
