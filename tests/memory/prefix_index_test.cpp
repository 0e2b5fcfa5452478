#include "weir/memory/prefix_index.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "memory/siphash.h"

namespace weir::memory {
namespace {

constexpr PrefixIndex::Key kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::string hex(std::array<uint64_t, 2> hash) {
  std::string text;
  for (uint64_t word : hash)
    for (int i = 0; i < 8; ++i) {
      char byte[3];
      std::snprintf(byte, sizeof byte, "%02x", static_cast<unsigned>((word >> (8 * i)) & 255));
      text += byte;
    }
  return text;
}

// Values of OpenSSL's SIPHASH with size 16.
TEST(SipHash128, EqualsTheReference) {
  EXPECT_EQ(hex(SipHash128(kKey).finish({})), "a3817f04ba25a8e66df67214c7550293");
  std::array<std::byte, 15> input;
  for (size_t i = 0; i < input.size(); ++i) input[i] = std::byte(i);
  EXPECT_EQ(hex(SipHash128(kKey).finish(input)), "5493e99933b0a8117e08ec0f97cfc3d9");
}

class PrefixIndexTest : public testing::Test {
 protected:
  // Computes the full pages of `tokens` into a new lease and makes them known.
  PageLease compute(const std::vector<int32_t>& tokens, const std::string& scope = "") {
    PageLease lease(pool_);
    EXPECT_TRUE(lease.grow_to(static_cast<uint32_t>((tokens.size() + 3) / 4)));
    PrefixHash chain = index_.start(scope);
    for (size_t page = 0; (page + 1) * 4 <= tokens.size(); ++page) {
      chain = index_.next(chain, std::span(tokens).subspan(page * 4, 4));
      index_.insert(chain, lease.pages()[page]);
    }
    return lease;
  }

  std::vector<PageId> look_up(const std::vector<int32_t>& tokens, const std::string& scope = "") {
    PageLease lease(pool_);
    PrefixHash chain = index_.start(scope);
    index_.find(chain, tokens, lease);
    return {lease.pages().begin(), lease.pages().end()};
  }

  void TearDown() override {
    auto pool = pool_.audit();
    EXPECT_TRUE(pool) << pool.error().message;
    auto index = index_.audit();
    EXPECT_TRUE(index) << index.error().message;
  }

  PagePool pool_{8};
  PrefixIndex index_{pool_, 4, kKey};
};

std::vector<int32_t> count_to(int32_t n) {
  std::vector<int32_t> tokens(static_cast<size_t>(n));
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

TEST_F(PrefixIndexTest, FindsFullPagesOnly) {
  PageLease lease = compute(count_to(10));
  const std::vector<PageId> pages(lease.pages().begin(), lease.pages().end());
  EXPECT_EQ(look_up(count_to(12)), std::vector<PageId>(pages.begin(), pages.begin() + 2));
  EXPECT_EQ(look_up(count_to(7)), std::vector<PageId>(pages.begin(), pages.begin() + 1));
  EXPECT_TRUE(look_up(count_to(3)).empty());
}

TEST_F(PrefixIndexTest, APageIsFoundBehindItsOwnPastOnly) {
  PageLease lease = compute({1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_TRUE(look_up({5, 6, 7, 8}).empty());
  EXPECT_TRUE(look_up({1, 2, 3, 5, 5, 6, 7, 8}).empty());
  EXPECT_EQ(look_up({1, 2, 3, 4, 5, 6, 7, 9}).size(), 1u);
}

TEST_F(PrefixIndexTest, TheChainStandsBehindTheLastPageFound) {
  PageLease lease = compute(count_to(8));
  PageLease found(pool_);
  PrefixHash chain = index_.start("");
  EXPECT_EQ(index_.find(chain, count_to(12), found), 2u);
  const auto tokens = count_to(12);
  const PrefixHash first = index_.next(index_.start(""), std::span(tokens).first(4));
  EXPECT_EQ(chain, index_.next(first, std::span(tokens).subspan(4, 4)));
}

TEST(PrefixIndexKey, IsAnotherEachTime) {
  EXPECT_NE(PrefixIndex::random_key(), PrefixIndex::random_key());
}

TEST_F(PrefixIndexTest, NamesDependOnTheKey) {
  PagePool pool(1);
  const PrefixIndex other(pool, 4, {kKey[0], kKey[1] + 1});
  const auto tokens = count_to(4);
  EXPECT_NE(other.start("scope"), index_.start("scope"));
  EXPECT_NE(other.next({}, tokens), index_.next({}, tokens));
}

TEST_F(PrefixIndexTest, ScopesShareNothing) {
  PageLease lease = compute(count_to(8), "one");
  EXPECT_EQ(look_up(count_to(8), "one").size(), 2u);
  EXPECT_TRUE(look_up(count_to(8), "two").empty());
}

TEST_F(PrefixIndexTest, APageStaysUsableAfterItsLeaseUntilEvicted) {
  const auto first = compute({1, 2, 3, 4, 5, 6, 7, 8}).drop();   // the older
  const auto second = compute({9, 9, 9, 9, 8, 8, 8, 8}).drop();  // the newer
  EXPECT_EQ(pool_.available(), 8u);
  EXPECT_EQ(pool_.idle(), 4u);
  EXPECT_EQ(look_up({1, 2, 3, 4, 5, 6, 7, 8}), first);  // used: now it is the newer
  PageLease lease(pool_);
  ASSERT_TRUE(
      lease.grow_to(5));  // evicts one: the deepest page of the chain that was used least recently
  EXPECT_EQ(look_up({9, 9, 9, 9, 8, 8, 8, 8}), std::vector<PageId>{second[0]});
  EXPECT_EQ(look_up({1, 2, 3, 4, 5, 6, 7, 8}), first);
  ASSERT_TRUE(lease.grow_to(8));
  EXPECT_EQ(index_.size(), 0u);
  EXPECT_TRUE(look_up({1, 2, 3, 4}).empty());
}

TEST_F(PrefixIndexTest, APageThatIsPassedIsIdleAndFound) {
  PageLease lease = compute(count_to(12));
  const std::vector<PageId> pages(lease.pages().begin(), lease.pages().end());
  lease.pass(2);
  EXPECT_EQ(pool_.idle(), 2U);
  EXPECT_EQ(look_up(count_to(12)), pages);
  PageLease rest(pool_);
  ASSERT_TRUE(rest.grow_to(6));  // evicts one: of those that were passed together the last
  EXPECT_EQ(look_up(count_to(12)), std::vector<PageId>{pages[0]});
}

TEST_F(PrefixIndexTest, HeldPagesAreNotEvicted) {
  PageLease held = compute(count_to(8));
  PageLease rest(pool_);
  EXPECT_FALSE(rest.grow_to(7));
  ASSERT_TRUE(rest.grow_to(6));
  EXPECT_EQ(look_up(count_to(8)).size(), 2u);
}

TEST_F(PrefixIndexTest, TheFirstOfTwoEqualPagesStays) {
  PageLease a = compute(count_to(4)), b = compute(count_to(4));
  EXPECT_EQ(look_up(count_to(4)), std::vector<PageId>{a.pages()[0]});
  EXPECT_FALSE(pool_.cached(b.pages()[0]));
}

TEST_F(PrefixIndexTest, APageKeepsItsFirstName) {
  PageLease lease = compute(count_to(4));
  index_.insert(index_.start("another"), lease.pages()[0]);
  EXPECT_EQ(index_.size(), 1u);
  EXPECT_EQ(look_up(count_to(4)).size(), 1u);
}

TEST_F(PrefixIndexTest, ACachedPageIsCopiedBeforeAWrite) {
  PageLease lease = compute(count_to(4));
  auto from = lease.own(0);
  ASSERT_TRUE(from && *from);
  EXPECT_EQ(look_up(count_to(4)), std::vector<PageId>{**from});
}

}  // namespace
}  // namespace weir::memory
