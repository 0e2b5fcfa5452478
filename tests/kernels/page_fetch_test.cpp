#include "weir/kernels/page_fetch.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/matrix.h"
#include "weir/kernels/ops.h"
#include "weir/kernels/thread_pool.h"

namespace weir::kernels {
namespace {

using testing::Matrix;

/// Two key/value heads of four numbers, pages of three tokens.
struct Layer {
  static constexpr int32_t kPages = 6, kHeads = 2, kTokens = 3, kDim = 4;
  static constexpr int64_t kPageNumbers = kHeads * kTokens * kDim;
  std::vector<float> keys = std::vector<float>(kPages * kPageNumbers);
  std::vector<float> values = std::vector<float>(kPages * kPageNumbers);
  PagedKv cache{keys.data(), values.data(), DType::float32, kTokens, kHeads, kDim};
};

TEST(PageFetchTest, EachPageIsTakenOnceInItsOrder) {
  Layer layer;
  const std::vector<int32_t> ids{4, 0, 5};
  PageFetch fetch;
  fetch.expect(layer.cache, ids);
  std::vector<int64_t> taken;
  for (int i = 0; i < 3; ++i)
    for (auto share = fetch.take(2); !share.empty();) {
      const PageFetch::Page page = share.pop();
      EXPECT_EQ(page.bytes, Layer::kPageNumbers * 4);
      taken.push_back((page.keys - reinterpret_cast<std::byte*>(layer.keys.data())) / page.bytes);
      EXPECT_EQ(page.values,
                reinterpret_cast<std::byte*>(layer.values.data()) + taken.back() * page.bytes);
    }
  EXPECT_EQ(taken, (std::vector<int64_t>{4, 0, 5}));
}

TEST(PageFetchTest, AMissingPageHasNoBytes) {
  Layer layer;
  const std::vector<int32_t> ids{-1, 3};
  PageFetch fetch;
  fetch.expect(layer.cache, ids);
  auto share = fetch.take(2);
  EXPECT_EQ(share.pop().bytes, 0);
  EXPECT_EQ(share.pop().keys, reinterpret_cast<std::byte*>(&layer.keys[3 * Layer::kPageNumbers]));
}

TEST(PageFetchTest, ANewExpectationEndsTheOneBefore) {
  Layer first, second;
  const std::vector<int32_t> ids{1, 2, 3};
  PageFetch fetch;
  fetch.expect(first.cache, ids);
  EXPECT_FALSE(fetch.take(2).empty());
  fetch.expect(second.cache, ids);
  EXPECT_EQ(fetch.take(1).pop().keys,
            reinterpret_cast<std::byte*>(&second.keys[Layer::kPageNumbers]));
  fetch.expect_nothing();
  EXPECT_TRUE(fetch.take(8).empty());
}

// The ids that were expected die with their step.
TEST(PageFetchTest, AttentionAndANewStepEndWhatWasExpected) {
  Layer layer;
  PageFetch fetch;
  ThreadPool pool(1);
  const auto ops = make_cpu_ops(pool, &fetch);
  const std::vector<int32_t> q_begin{0, 1}, kv_length{1}, page_begin{0, 1}, page_ids{2};
  Ragged ragged;
  ragged.rows = ragged.tokens = 1;
  ragged.q_begin = q_begin.data();
  ragged.kv_length = kv_length.data();
  ragged.page_begin = page_begin.data();
  ragged.page_ids = page_ids.data();
  Matrix q(DType::float32, 1, 8), k(DType::float32, 1, 8), v(DType::float32, 1, 8),
      out(DType::float32, 1, 8);
  const auto expects = [&] {
    ops->expect_pages(layer.cache, ragged);
    return !fetch.take(1).empty();
  };
  ASSERT_TRUE(expects());
  ops->expect_pages(layer.cache, ragged);
  ops->paged_attention(out.rows(), q.rows(), {k.rows(), v.rows()}, layer.cache, ragged, {});
  EXPECT_TRUE(fetch.take(1).empty());
  ASSERT_TRUE(expects());
  ops->expect_pages(layer.cache, ragged);
  ops->begin_step({});
  EXPECT_TRUE(fetch.take(1).empty());
}

}  // namespace
}  // namespace weir::kernels
