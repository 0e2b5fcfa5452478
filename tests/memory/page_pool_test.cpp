#include "weir/memory/page_pool.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "weir/memory/slot_pool.h"

namespace weir::memory {
namespace {

TEST(PagePool, LeasesGiveBackWhenTheyDie) {
  PagePool pool(4);
  {
    PageLease lease(pool);
    ASSERT_TRUE(lease.grow_to(3));
    EXPECT_EQ(pool.available(), 1u);
    PageLease other(pool);
    EXPECT_FALSE(other.grow_to(2));  // all or nothing
    EXPECT_EQ(other.size(), 0u);
    EXPECT_EQ(pool.available(), 1u);
    PageLease moved = std::move(lease);
    EXPECT_EQ(moved.size(), 3u);
    EXPECT_TRUE(pool.audit());
  }
  EXPECT_EQ(pool.available(), 4u);
  EXPECT_TRUE(pool.audit());
}

TEST(PagePool, WithRoomReservedThePagesKeepTheirPlace) {
  PagePool pool(200);
  PageLease lease(pool);
  lease.reserve(200);
  ASSERT_TRUE(lease.grow_to(1));
  const PageId* place = lease.pages().data();
  ASSERT_TRUE(lease.grow_to(200));
  EXPECT_EQ(lease.pages().data(), place);
}

TEST(PagePool, TheLastPageIsGivenBackFirst) {
  PagePool pool(3);
  PageLease lease(pool);
  ASSERT_TRUE(lease.grow_to(3));
  const std::vector<PageId> pages(lease.pages().begin(), lease.pages().end());
  EXPECT_EQ(lease.drop(), pages);
  EXPECT_EQ(lease.size(), 0u);
  ASSERT_TRUE(lease.grow_to(1));
  EXPECT_EQ(lease.pages()[0], pages[0]);  // free pages are taken latest first
}

TEST(PagePool, PagesThatArePassedAreGivenBackTheLastFirst) {
  PagePool pool(6);
  PageLease lease(pool);
  ASSERT_TRUE(lease.grow_to(4));
  const std::vector<PageId> all(lease.pages().begin(), lease.pages().end());
  const std::vector<PageId> rest{-1, -1, all[2], all[3]};
  lease.pass(2);
  lease.pass(1);  // passed already
  EXPECT_EQ(std::vector<PageId>(lease.pages().begin(), lease.pages().end()), rest);
  EXPECT_EQ(lease.held(), 2U);
  EXPECT_EQ(pool.available(), 4U);
  PageLease other(pool);
  ASSERT_TRUE(other.grow_to(1));
  EXPECT_EQ(other.pages()[0], all[0]);  // free pages are taken latest first
  PageLease twin = lease.fork();
  EXPECT_EQ(pool.holders(all[2]), 2U);
  ASSERT_TRUE(lease.grow_to(5));
  EXPECT_EQ(lease.held(), 3U);
  EXPECT_TRUE(pool.audit());
  lease.pass(9);  // all that it has
  EXPECT_EQ(lease.held(), 0U);
  EXPECT_EQ(pool.available(), 3U);
  PageLease moved = std::move(twin);
  EXPECT_EQ(moved.drop(), rest);
  EXPECT_EQ(moved.passed(), 0U);
  EXPECT_EQ(pool.available(), 5U);
  EXPECT_TRUE(pool.audit());
}

TEST(PagePool, ForksSharePagesUntilOneWrites) {
  PagePool pool(4);
  PageLease a(pool);
  ASSERT_TRUE(a.grow_to(2));
  PageLease b = a.fork();
  EXPECT_EQ(pool.available(), 2u);
  EXPECT_EQ(pool.holders(a.pages()[1]), 2u);
  auto copied = b.own(1);
  ASSERT_TRUE(copied && *copied);
  EXPECT_EQ(**copied, a.pages()[1]);
  EXPECT_NE(b.pages()[1], a.pages()[1]);
  EXPECT_EQ(b.pages()[0], a.pages()[0]);
  auto alone = b.own(1);
  ASSERT_TRUE(alone);
  EXPECT_FALSE(*alone);
  PageLease rest(pool);
  ASSERT_TRUE(rest.grow_to(1));
  EXPECT_EQ(b.own(0).error().message, "no page is free; the cache has 4");
  a.drop();
  EXPECT_EQ(pool.available(), 1u);
  EXPECT_TRUE(pool.audit());
}

// Random leases that fork, write, grow and die, beside a model of what each of them should read.
TEST(PagePool, ForksNeverSeeEachOthersWrites) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    PagePool pool(16);
    std::map<PageId, int> content;
    struct Holder {
      PageLease lease;
      std::vector<int> expected;
    };
    std::vector<Holder> holders;
    int stamp = 0;
    for (int i = 0; i < 100; ++i) {
      const unsigned action = random() % 5;
      if (action == 0 || holders.empty()) {
        holders.push_back({PageLease(pool), {}});
      } else {
        const size_t who = random() % holders.size();
        Holder& holder = holders[who];
        if (action == 1 && holder.lease.grow_to(holder.lease.size() + 1)) {
          holder.expected.push_back(++stamp);
          content[holder.lease.pages().back()] = stamp;
        } else if (action == 2 && holder.lease.size() > 0) {
          const uint32_t at = random() % holder.lease.size();
          if (auto from = holder.lease.own(at)) {
            const PageId page = holder.lease.pages()[at];
            if (*from) content[page] = content[**from];
            EXPECT_EQ(content[page], holder.expected[at]);
            content[page] = holder.expected[at] = ++stamp;
          }
        } else if (action == 3) {
          Holder twin{holder.lease.fork(), holder.expected};
          holders.push_back(std::move(twin));
        } else if (action == 4) {
          holders.erase(holders.begin() + static_cast<std::ptrdiff_t>(who));
        }
      }
      auto audit = pool.audit();
      ASSERT_TRUE(audit) << audit.error().message;
      for (const Holder& holder : holders)
        for (uint32_t p = 0; p < holder.lease.size(); ++p)
          ASSERT_EQ(content[holder.lease.pages()[p]], holder.expected[p]);
    }
    holders.clear();
    EXPECT_EQ(pool.available(), 16u);
  }
}

TEST(SlotPool, LeasesOneEach) {
  SlotPool pool(2);
  auto a = pool.take(), b = pool.take();
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->id(), b->id());
  EXPECT_FALSE(pool.take());
  EXPECT_TRUE(pool.audit());
  const SlotId freed = a->id();
  a->drop();
  EXPECT_EQ(a->id(), -1);
  EXPECT_EQ(pool.take()->id(), freed);  // dies at once
  SlotLease moved = std::move(*b);
  b.reset();
  EXPECT_EQ(pool.available(), 1u);
  moved = SlotLease();
  EXPECT_EQ(pool.available(), 2u);
  EXPECT_TRUE(pool.audit());
}

}  // namespace
}  // namespace weir::memory
