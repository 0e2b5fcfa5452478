#include "app/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "app/key_watch.h"

using testing::HasSubstr;

namespace weir::app {
namespace {

TEST(Access, Loopback) {
  for (const char* host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host :
       {"0.0.0.0", "::", "", "10.0.0.1", "127.evil.example", "localhost.example"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(Access, OtherAddressesWantAKey) {
  Config config{.host = "0.0.0.0"};
  auto refused = open_keys(config);
  ASSERT_FALSE(refused);
  for (const char* way : {"--keys", "--api-key", "WEIR_API_KEY", "--insecure-no-auth"}) {
    EXPECT_THAT(refused.error().message, HasSubstr(way));
  }
  config.insecure_no_auth = true;
  EXPECT_TRUE((*open_keys(config))->is_open());
  config.insecure_no_auth = false;
  config.api_key = "hunter2";
  auto keys = open_keys(config);
  ASSERT_TRUE(keys);
  EXPECT_FALSE((*keys)->is_open());
  EXPECT_TRUE((*keys)->find("hunter2"));
}

TEST(Access, OnLoopbackNoKeyIsNeeded) {
  EXPECT_TRUE((*open_keys(Config{.host = "127.0.0.1"}))->is_open());
}

TEST(Access, AKeyAlsoClosesLoopbackAndTheFlagDoesNotOpenIt) {
  auto keys =
      open_keys(Config{.host = "127.0.0.1", .api_key = "hunter2", .insecure_no_auth = true});
  EXPECT_FALSE((*keys)->find(""));
}

TEST(Access, AWrongKeyFileIsAnError) {
  auto keys = open_keys(Config{.host = "127.0.0.1", .keys = "/nowhere/keys.toml"});
  ASSERT_FALSE(keys);
  EXPECT_THAT(keys.error().message, HasSubstr("keys: /nowhere/keys.toml"));
}

TEST(KeyWatch, SeesChangesAndKeepsWrongOnesOut) {
  std::string path = testing::TempDir() + "/weir_watch_" + std::to_string(::getpid()) + ".toml";
  auto entry = [](const char* name, char digit) {
    return "[[key]]\nname = \"" + std::string(name) +
           "\"\nhash = \"sha256:" + std::string(64, digit) + "\"\n";
  };
  std::ofstream(path) << entry("a", '1');
  KeyWatch watch(path, [&] { return traffic::KeyStore::load(path); });
  auto same = watch.look();
  ASSERT_TRUE(same);
  EXPECT_EQ(*same, nullptr);

  std::ofstream(path) << entry("a", '1') << entry("b", '2');
  auto changed = watch.look();
  ASSERT_TRUE(changed);
  ASSERT_NE(*changed, nullptr);
  EXPECT_EQ((*changed)->size(), 2u);
  EXPECT_EQ(*watch.look() == nullptr, true);

  std::ofstream(path) << "[[key]]\n";
  EXPECT_FALSE(watch.look());
  auto once = watch.look();
  ASSERT_TRUE(once) << "told once";
  EXPECT_EQ(*once, nullptr);

  std::remove(path.c_str());
  EXPECT_FALSE(watch.look());
  std::ofstream(path) << entry("a", '1');
  EXPECT_NE(*watch.look(), nullptr);
  std::remove(path.c_str());
}

TEST(KeyWatch, WithoutAFileNothingIsWatched) {
  KeyWatch watch(
      "", []() -> Result<std::shared_ptr<const traffic::KeyStore>> { return invalid("read"); });
  ASSERT_TRUE(watch.look());
}

TEST(AllowedHosts, AreAnyOnlyWhereOthersAreServedOnPurpose) {
  EXPECT_TRUE(allowed_hosts(Config{.host = "127.0.0.1"}).empty());
  EXPECT_TRUE(allowed_hosts(Config{.host = "localhost", .insecure_no_auth = true}).empty());
  EXPECT_EQ(allowed_hosts(Config{.host = "0.0.0.0"}), std::vector<std::string>{"*"});
  const Config listed{.host = "0.0.0.0", .allowed_hosts = {"box"}};
  EXPECT_EQ(allowed_hosts(listed), std::vector<std::string>{"box"});
}

}  // namespace
}  // namespace weir::app
