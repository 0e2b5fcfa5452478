// Attention against the reference, and its promise: a query's result is the same bits whatever else
// is in the step.
#include <algorithm>

#include "kernels/key_pages.h"
#include "kernels/sequences.h"

namespace weir::kernels::testing {
namespace {

const std::vector<Shape> kShapes = {
    {9, 3, 64, 16},  {4, 4, 32, 16},  {8, 2, 128, 32},  {7, 1, 72, 5}, {2, 1, 6, 3},
    {3, 3, 256, 16}, {16, 1, 40, 64}, {100, 1, 16, 16}, {8, 2, 64, 5}, {4, 4, 96, 16}};

TEST_P(OpsTest, PagedAttentionWritesEachTokenToItsSlot) {
  for (const Shape& shape : kShapes) {
    Sequences sequences(type(), shape, {50, 3}, random_);
    sequences.step(*ops_, {{1, 0, 3}, {0, 0, 20}}, {});
    sequences.step(*ops_, {{0, 20, 49}}, {});
    sequences.step(*ops_, {{0, 49, 50}}, {});
    const KeyPlaces places{shape.page_size};
    for (const int32_t s : {0, 1})
      for (int32_t t = 0; t < sequences.length(s); ++t)
        for (int32_t c = 0; c < shape.kv_heads * shape.head_dim; ++c) {
          const int64_t page = sequences.pages(s)[t / shape.page_size];
          const int64_t first = (page * shape.kv_heads + c / shape.head_dim) * shape.page_size;
          const int32_t slot = t % shape.page_size, d = c % shape.head_dim;
          ASSERT_EQ(places.at(sequences.keys(), first + slot, d), sequences.key_tokens(s).at(t, c));
          ASSERT_EQ(sequences.values().at(first + slot, d), sequences.value_tokens(s).at(t, c));
        }
  }
}

TEST_P(OpsTest, PagedAttentionOfDecodeAndPrefillMixed) {
  for (const Shape& shape : kShapes) {
    const Attention attention{.scale = 1.7f / std::sqrt(static_cast<float>(shape.head_dim))};
    Sequences sequences(type(), shape, {1, 90, 700, 33, 64}, random_);
    sequences.step(*ops_, {{1, 0, 89}, {2, 0, 640}, {3, 0, 10}}, attention);
    const std::vector<Sequences::Part> parts = {
        {0, 0, 1}, {1, 89, 90}, {2, 640, 700}, {3, 10, 33}, {4, 0, 64}};
    const Matrix out = sequences.step(*ops_, parts, attention);
    int32_t row = 0;
    for (const auto& part : parts)
      for (int32_t t = part.from; t < part.to; ++t, ++row) {
        if (part.to - part.from > 5 && t % 7 != 0 && t != part.to - 1) continue;
        for (int32_t head = 0; head<shape.heads; head += shape.heads> 20 ? 17 : 1) {
          const auto want = sequences.want(part.sequence, t, head, attention);
          for (int32_t d = 0; d < shape.head_dim; ++d) {
            ASSERT_NEAR(out.at(row, head * shape.head_dim + d), want[d],
                        tolerance(std::abs(want[d]) + 0.3))
                << "sequence " << part.sequence << " token " << t << " head " << head << " of "
                << shape.head_dim;
          }
        }
      }
  }
}

TEST_P(OpsTest, PagedAttentionIsTheSameBitsHoweverCut) {
  for (const Shape& shape : kShapes) {
    if (shape.head_dim > 128) continue;
    const Attention attention{.scale = 1 / std::sqrt(static_cast<float>(shape.head_dim))};
    Sequences sequences(type(), shape, {1100, 200}, random_);
    const Matrix whole = sequences.step(*ops_, {{0, 0, 1100}}, attention);
    const Matrix other = sequences.step(*ops_, {{1, 0, 200}}, attention);
    for (int32_t from = 0, size = 1; from < 1100; from += size, size = size * 2 + 1) {  // chunked
      const Matrix part =
          sequences.step(*ops_, {{0, from, std::min(from + size, 1100)}}, attention);
      for (int32_t t = 0; t < part.row_count(); ++t)
        expect_same_row(whole, from + t, part, t, "chunked");
    }
    for (const int32_t t :
         {0, 1, 63, 64, 65, 511, 512, 513, 1024, 1099}) {  // decoded alone, and in a batch
      const Matrix alone = sequences.step(*ops_, {{0, t, t + 1}}, attention);
      expect_same_row(whole, t, alone, 0, "decoded");
      const Matrix batch =
          sequences.step(*ops_, {{1, 0, 100}, {0, t, t + 1}, {1, 150, 151}}, attention);
      expect_same_row(whole, t, batch, 100, "in a batch");
      expect_same_row(other, 99, batch, 99, "beside it");
      expect_same_row(other, 150, batch, 101, "beside it");
    }
    ThreadPool one(1);
    const Matrix single =
        sequences.step(*make_cpu_ops(one, GetParam().isa), {{0, 1000, 1001}}, attention);
    expect_same_row(whole, 1000, single, 0, "with one thread");
  }
}

TEST_P(OpsTest, PagedAttentionOfGreatScoresStaysFinite) {
  const Shape shape{2, 1, 32, 16};
  Sequences sequences(type(), shape, {600}, random_);
  const Matrix out =
      sequences.step(*ops_, {{0, 0, 600}}, {.scale = 100});  // scores of +-1000s: one key takes all
  for (const int32_t t : {5, 100, 599}) {
    const auto want = sequences.want(0, t, 1, {.scale = 100});
    for (int32_t d = 0; d < 32; ++d)
      ASSERT_NEAR(out.at(t, 32 + d), want[d], type() == DType::float32 ? 2e-3 : 2e-2);
  }
}

TEST_P(OpsTest, CopyPagesCopiesKeysAndValues) {
  const Shape shape{4, 2, 32, 8};
  Sequences sequences(type(), shape, {16, 16}, random_);
  const Matrix first = sequences.step(*ops_, {{0, 0, 16}}, {});
  const auto &from = sequences.pages(0), &to = sequences.pages(1);
  const std::vector<int32_t> pairs = {from[0], to[0], from[1], to[1]};
  ops_->copy_pages(sequences.cache(), pairs);
  const int64_t rows = shape.kv_heads * shape.page_size;
  for (size_t page = 0; page < 2; ++page)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t d = 0; d < 32; ++d)
        ASSERT_EQ(sequences.keys().at(from[page] * rows + r, d),
                  sequences.keys().at(to[page] * rows + r, d));
}

TEST_P(OpsTest, PagesTooFewAbort) {
  Matrix q(type(), 1, 64), out(type(), 1, 64), keys(type(), 16, 64), values(type(), 16, 64);
  const std::vector<int32_t> q_begin = {0, 1}, kv_length = {17}, page_begin = {0, 1}, pages = {0};
  const Ragged ragged{.rows = 1,
                      .tokens = 1,
                      .q_begin = q_begin.data(),
                      .kv_length = kv_length.data(),
                      .page_begin = page_begin.data(),
                      .page_ids = pages.data()};
  const PagedKv cache{keys.data(), values.data(), type(), 16, 1, 64};
  EXPECT_DEATH(ops_->paged_attention(out.rows(), q.rows(), {q.rows(), q.rows()}, cache, ragged, {}),
               "1 queries, 17 keys and 1 pages of 16");
}

}  // namespace
}  // namespace weir::kernels::testing
