// Attention against the reference, and its promise: a query's result is the same bits whatever else
// is in the step.
#include <algorithm>
#include <numeric>

#include "kernels/key_pages.h"
#include "kernels/matrix.h"
#include "kernels/reference.h"

namespace weir::kernels::testing {
namespace {

struct Shape {
  int32_t heads, kv_heads, head_dim, page_size;
};

/// Sequences of random tokens whose pages lie scrambled in one cache.
class Sequences {
 public:
  Sequences(DType type, Shape shape, std::vector<int32_t> lengths, std::mt19937& random)
      : shape_(shape), lengths_(std::move(lengths)) {
    int32_t pages = 3;
    for (const int32_t length : lengths_) {
      q_.push_back(Matrix(type, length, shape.heads * shape.head_dim).fill(random));
      k_.push_back(Matrix(type, length, shape.kv_heads * shape.head_dim).fill(random));
      v_.push_back(Matrix(type, length, shape.kv_heads * shape.head_dim).fill(random));
      pages += (length + shape.page_size - 1) / shape.page_size;
    }
    std::vector<int32_t> ids(static_cast<size_t>(pages));
    std::iota(ids.begin(), ids.end(), 0);
    std::shuffle(ids.begin(), ids.end(), random);
    for (const int32_t length : lengths_) {
      const auto count = static_cast<size_t>((length + shape.page_size - 1) / shape.page_size);
      pages_.emplace_back(ids.end() - static_cast<std::ptrdiff_t>(count), ids.end());
      ids.resize(ids.size() - count);
    }
    // What no key was written to holds NaN: reading it would show.
    const int64_t rows = int64_t{pages} * shape.kv_heads * shape.page_size;
    keys_ = std::make_unique<Matrix>(type, rows, shape.head_dim);
    values_ = std::make_unique<Matrix>(type, rows, shape.head_dim);
    for (int64_t r = 0; r < rows; ++r)
      for (int32_t d = 0; d < shape.head_dim; ++d) {
        keys_->set(r, d, std::nanf(""));
        values_->set(r, d, std::nanf(""));
      }
  }

  /// Appends and attends tokens [from, to) of each named sequence, in one step. One result a token,
  /// in order.
  struct Part {
    int32_t sequence, from, to;
  };
  Matrix step(Ops& ops, const std::vector<Part>& parts, float scale) {
    std::vector<int32_t> q_begin = {0}, kv_length, page_begin = {0}, page_ids;
    for (const Part& part : parts) {
      q_begin.push_back(q_begin.back() + part.to - part.from);
      kv_length.push_back(part.to);
      for (const int32_t page : pages_[part.sequence]) page_ids.push_back(page);
      page_begin.push_back(static_cast<int32_t>(page_ids.size()));
    }
    const int32_t tokens = q_begin.back();
    Matrix q(type(), tokens, q_[0].cols(), 24), k(type(), tokens, k_[0].cols(), 8),
        v(type(), tokens, v_[0].cols(), 16);
    for (size_t i = 0; i < parts.size(); ++i) {
      copy(q, q_begin[i], q_[parts[i].sequence], parts[i]);
      copy(k, q_begin[i], k_[parts[i].sequence], parts[i]);
      copy(v, q_begin[i], v_[parts[i].sequence], parts[i]);
    }
    const Ragged ragged{.rows = static_cast<int32_t>(parts.size()),
                        .tokens = tokens,
                        .q_begin = q_begin.data(),
                        .q_begin_host = q_begin.data(),
                        .kv_length = kv_length.data(),
                        .kv_length_host = kv_length.data(),
                        .page_begin = page_begin.data(),
                        .page_begin_host = page_begin.data(),
                        .page_ids = page_ids.data()};
    Matrix out(type(), tokens, q.cols(), 40);
    ops.paged_attention(out.rows(), q.rows(), k.rows(), v.rows(), cache(), ragged, scale);
    EXPECT_TRUE(out.gaps_untouched());
    return out;
  }

  std::vector<double> want(int32_t sequence, int32_t token, int32_t head, double scale) const {
    const int32_t d = shape_.head_dim, kv = head / (shape_.heads / shape_.kv_heads);
    const auto columns = [&](const Matrix& m, int32_t row, int32_t first) {
      std::vector<double> out;
      for (int32_t c = 0; c < d; ++c) out.push_back(m.at(row, first + c));
      return out;
    };
    reference::Table keys, values;
    for (int32_t t = 0; t <= token; ++t) {
      keys.push_back(columns(k_[sequence], t, kv * d));
      values.push_back(columns(v_[sequence], t, kv * d));
    }
    return reference::attend(columns(q_[sequence], token, head * d), keys, values, scale);
  }

  PagedKv cache() {
    return {keys_->data(),    values_->data(), type(),
            shape_.page_size, shape_.kv_heads, shape_.head_dim};
  }
  const Matrix& keys() const { return *keys_; }
  const Matrix& values() const { return *values_; }
  const Matrix& key_tokens(int32_t sequence) const { return k_[sequence]; }
  const Matrix& value_tokens(int32_t sequence) const { return v_[sequence]; }
  const std::vector<int32_t>& pages(int32_t sequence) const { return pages_[sequence]; }
  int32_t length(int32_t sequence) const { return lengths_[sequence]; }

 private:
  DType type() const { return q_[0].type(); }
  static void copy(Matrix& to, int32_t row, const Matrix& from, const Part& part) {
    for (int32_t t = part.from; t < part.to; ++t)
      for (int64_t c = 0; c < to.cols(); ++c) to.set(row + t - part.from, c, from.at(t, c));
  }

  const Shape shape_;
  const std::vector<int32_t> lengths_;
  std::vector<Matrix> q_, k_, v_;
  std::vector<std::vector<int32_t>> pages_;
  std::unique_ptr<Matrix> keys_, values_;
};

const std::vector<Shape> kShapes = {
    {9, 3, 64, 16},  {4, 4, 32, 16},  {8, 2, 128, 32},  {7, 1, 72, 5}, {2, 1, 6, 3},
    {3, 3, 256, 16}, {16, 1, 40, 64}, {100, 1, 16, 16}, {8, 2, 64, 5}, {4, 4, 96, 16}};

TEST_P(OpsTest, PagedAttentionWritesEachTokenToItsSlot) {
  for (const Shape& shape : kShapes) {
    Sequences sequences(type(), shape, {50, 3}, random_);
    sequences.step(*ops_, {{1, 0, 3}, {0, 0, 20}}, 1);
    sequences.step(*ops_, {{0, 20, 49}}, 1);
    sequences.step(*ops_, {{0, 49, 50}}, 1);
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
    const float scale = 1.7f / std::sqrt(static_cast<float>(shape.head_dim));
    Sequences sequences(type(), shape, {1, 90, 700, 33, 64}, random_);
    sequences.step(*ops_, {{1, 0, 89}, {2, 0, 640}, {3, 0, 10}}, scale);
    const std::vector<Sequences::Part> parts = {
        {0, 0, 1}, {1, 89, 90}, {2, 640, 700}, {3, 10, 33}, {4, 0, 64}};
    const Matrix out = sequences.step(*ops_, parts, scale);
    int32_t row = 0;
    for (const auto& part : parts)
      for (int32_t t = part.from; t < part.to; ++t, ++row) {
        if (part.to - part.from > 5 && t % 7 != 0 && t != part.to - 1) continue;
        for (int32_t head = 0; head<shape.heads; head += shape.heads> 20 ? 17 : 1) {
          const auto want = sequences.want(part.sequence, t, head, scale);
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

// The rows of `whole` that token `token` on has, against `part` from its row `row`.
void expect_same_row(const Matrix& a, int64_t row_a, const Matrix& b, int64_t row_b,
                     const char* what) {
  for (int64_t c = 0; c < a.cols(); ++c)
    ASSERT_EQ(a.at(row_a, c), b.at(row_b, c)) << what << ", row " << row_a << " column " << c;
}

TEST_P(OpsTest, PagedAttentionIsTheSameBitsHoweverCut) {
  for (const Shape& shape : kShapes) {
    if (shape.head_dim > 128) continue;
    const float scale = 1 / std::sqrt(static_cast<float>(shape.head_dim));
    Sequences sequences(type(), shape, {1100, 200}, random_);
    const Matrix whole = sequences.step(*ops_, {{0, 0, 1100}}, scale);
    const Matrix other = sequences.step(*ops_, {{1, 0, 200}}, scale);
    for (int32_t from = 0, size = 1; from < 1100; from += size, size = size * 2 + 1) {  // chunked
      const Matrix part = sequences.step(*ops_, {{0, from, std::min(from + size, 1100)}}, scale);
      for (int32_t t = 0; t < part.row_count(); ++t)
        expect_same_row(whole, from + t, part, t, "chunked");
    }
    for (const int32_t t :
         {0, 1, 63, 64, 65, 511, 512, 513, 1024, 1099}) {  // decoded alone, and in a batch
      const Matrix alone = sequences.step(*ops_, {{0, t, t + 1}}, scale);
      expect_same_row(whole, t, alone, 0, "decoded");
      const Matrix batch =
          sequences.step(*ops_, {{1, 0, 100}, {0, t, t + 1}, {1, 150, 151}}, scale);
      expect_same_row(whole, t, batch, 100, "in a batch");
      expect_same_row(other, 99, batch, 99, "beside it");
      expect_same_row(other, 150, batch, 101, "beside it");
    }
    ThreadPool one(1);
    const Matrix single =
        sequences.step(*make_cpu_ops(one, GetParam().isa), {{0, 1000, 1001}}, scale);
    expect_same_row(whole, 1000, single, 0, "with one thread");
  }
}

TEST_P(OpsTest, PagedAttentionOfGreatScoresStaysFinite) {
  const Shape shape{2, 1, 32, 16};
  Sequences sequences(type(), shape, {600}, random_);
  const Matrix out =
      sequences.step(*ops_, {{0, 0, 600}}, 100);  // scores of +-1000s: one key takes all
  for (const int32_t t : {5, 100, 599}) {
    const auto want = sequences.want(0, t, 1, 100);
    for (int32_t d = 0; d < 32; ++d)
      ASSERT_NEAR(out.at(t, 32 + d), want[d], type() == DType::float32 ? 2e-3 : 2e-2);
  }
}

TEST_P(OpsTest, CopyPagesCopiesKeysAndValues) {
  const Shape shape{4, 2, 32, 8};
  Sequences sequences(type(), shape, {16, 16}, random_);
  const Matrix first = sequences.step(*ops_, {{0, 0, 16}}, 1);
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

TEST_P(OpsTest, RaggedAttentionSeesTheWholeRow) {
  for (const Shape& shape :
       {Shape{12, 12, 32}, Shape{4, 4, 64}, Shape{6, 2, 24}, Shape{1, 1, 10}}) {
    const int32_t d = shape.head_dim, q_cols = shape.heads * d, kv_cols = shape.kv_heads * d;
    const std::vector<int32_t> begin = {
        0, 1, 8, 8 + 64, 8 + 64 + 177, 8 + 64 + 177 + 2, 8 + 64 + 177 + 2 + 530};
    const int32_t tokens = begin.back();
    Matrix qkv = Matrix(type(), tokens, q_cols + 2 * kv_cols, 3).fill(random_);
    Matrix out(type(), tokens, q_cols, 5);
    const auto part = [&](int64_t first, int64_t cols) {
      const Rows all = qkv.rows();
      return Rows{static_cast<char*>(all.data) + first * static_cast<int64_t>(size_of(type())),
                  type(), tokens, cols, all.stride};
    };
    const Ragged ragged{
        .rows = 6, .tokens = tokens, .q_begin = begin.data(), .q_begin_host = begin.data()};
    const float scale = 1.5f / std::sqrt(static_cast<float>(d));
    ops_->ragged_attention(out.rows(), part(0, q_cols), part(q_cols, kv_cols),
                           part(q_cols + kv_cols, kv_cols), ragged, d, scale);
    EXPECT_TRUE(out.gaps_untouched());
    for (size_t row = 0; row < 6; ++row)
      for (int32_t head = 0; head < shape.heads; ++head) {
        const int32_t kv = head / (shape.heads / shape.kv_heads);
        reference::Table keys, values;
        const auto columns = [&](int32_t t, int32_t first) {
          std::vector<double> x;
          for (int32_t c = 0; c < d; ++c) x.push_back(qkv.at(t, first + c));
          return x;
        };
        for (int32_t t = begin[row]; t < begin[row + 1]; ++t) {
          keys.push_back(columns(t, q_cols + kv * d));
          values.push_back(columns(t, q_cols + kv_cols + kv * d));
        }
        for (int32_t t = begin[row]; t < begin[row + 1]; t += 1 + t % 19) {
          const auto want = reference::attend(columns(t, head * d), keys, values, scale);
          for (int32_t c = 0; c < d; ++c)
            ASSERT_NEAR(out.at(t, head * d + c), want[c], tolerance(std::abs(want[c]) + 0.3))
                << "row " << row << " token " << t;
        }
      }
  }
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
  EXPECT_DEATH(ops_->paged_attention(out.rows(), q.rows(), q.rows(), q.rows(), cache, ragged, 1),
               "1 queries, 17 keys and 1 pages of 16");
}

}  // namespace
}  // namespace weir::kernels::testing
