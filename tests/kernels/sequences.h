// Sequences whose keys and values lie in the pages of one cache, and what attention over them gives
// by its definition.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "kernels/matrix.h"
#include "kernels/reference.h"

namespace weir::kernels::testing {

struct Shape {
  int32_t heads, kv_heads, head_dim, page_size;
};

/// Columns [first, first + count) of a row.
inline std::vector<double> columns(const Matrix& m, int64_t row, int64_t first, int64_t count) {
  std::vector<double> out;
  for (int64_t c = first; c < first + count; ++c) out.push_back(m.at(row, c));
  return out;
}

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
      pages += pages_of(length);
    }
    std::vector<int32_t> ids(static_cast<size_t>(pages));
    std::iota(ids.begin(), ids.end(), 0);
    std::shuffle(ids.begin(), ids.end(), random);
    for (const int32_t length : lengths_) {
      pages_.emplace_back(ids.end() - pages_of(length), ids.end());
      ids.resize(ids.size() - pages_.back().size());
    }
    const int64_t rows = int64_t{pages} * shape.kv_heads * shape.page_size;
    keys_ = std::make_unique<Matrix>(type, rows, shape.head_dim);
    values_ = std::make_unique<Matrix>(type, rows, shape.head_dim);
    for (int32_t page = 0; page < pages; ++page) spoil(page);
  }

  /// Tokens [from, to) of a sequence.
  struct Part {
    int32_t sequence, from, to;
  };
  /// Writes and attends the tokens of each part, in one step. One result a token, in order.
  Matrix step(Ops& ops, const std::vector<Part>& parts, const Attention& attention) {
    return attend(ops, Step(*this, parts), attention, true);
  }
  /// The same of tokens that are written.
  Matrix read(Ops& ops, const std::vector<Part>& parts, const Attention& attention) {
    return attend(ops, Step(*this, parts), attention, false);
  }
  /// The same over all keys of each sequence.
  Matrix read_all(Ops& ops, const std::vector<Part>& parts, const Attention& attention) {
    Step step(*this, parts);
    for (size_t i = 0; i < parts.size(); ++i) step.kv_length[i] = length(parts[i].sequence);
    return attend(ops, step, attention, false);
  }
  /// Writes the keys and values of the tokens of each part.
  void write(Ops& ops, const std::vector<Part>& parts) {
    Step step(*this, parts);
    ops.write_pages(step.k.rows(), step.v.rows(), cache(), step.ragged());
  }
  /// The pages of the first `tokens` tokens, as far as they have no other, become someone else's.
  void lose(int32_t sequence, int32_t tokens) {
    for (int32_t page = 0; (page + 1) * shape_.page_size <= tokens; ++page) {
      int32_t& id = pages_[sequence][page];
      if (id >= 0) spoil(id);
      id = -1;
    }
  }

  /// What a token's query gets from all keys of its sequence, as far as it sees them.
  std::vector<double> want(int32_t sequence, int32_t token, int32_t head,
                           const Attention& attention) const {
    const int32_t d = shape_.head_dim;
    const auto& [keys, values] = tables(sequence, head / (shape_.heads / shape_.kv_heads));
    return reference::attend({columns(q_[sequence], token, head * d, d), token, head}, keys, values,
                             attention);
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
  /// The rows of a step.
  struct Step {
    Step(const Sequences& of, const std::vector<Part>& parts)
        : q(of.type(), tokens_of(parts), of.q_[0].cols(), 24),
          k(of.type(), tokens_of(parts), of.k_[0].cols(), 8),
          v(of.type(), tokens_of(parts), of.v_[0].cols(), 16) {
      for (const Part& part : parts) {
        copy(q, q_begin.back(), of.q_[part.sequence], part);
        copy(k, q_begin.back(), of.k_[part.sequence], part);
        copy(v, q_begin.back(), of.v_[part.sequence], part);
        q_begin.push_back(q_begin.back() + part.to - part.from);
        kv_length.push_back(part.to);
        for (const int32_t page : of.pages_[part.sequence]) page_ids.push_back(page);
        page_begin.push_back(static_cast<int32_t>(page_ids.size()));
      }
    }
    Ragged ragged() const {
      return {.rows = static_cast<int32_t>(kv_length.size()),
              .tokens = q_begin.back(),
              .q_begin = q_begin.data(),
              .q_begin_host = q_begin.data(),
              .kv_length = kv_length.data(),
              .kv_length_host = kv_length.data(),
              .page_begin = page_begin.data(),
              .page_begin_host = page_begin.data(),
              .page_ids = page_ids.data()};
    }

    Matrix q, k, v;
    std::vector<int32_t> q_begin = {0}, kv_length, page_begin = {0}, page_ids;

   private:
    static int32_t tokens_of(const std::vector<Part>& parts) {
      int32_t tokens = 0;
      for (const Part& part : parts) tokens += part.to - part.from;
      return tokens;
    }
    static void copy(Matrix& to, int32_t row, const Matrix& from, const Part& part) {
      for (int32_t t = part.from; t < part.to; ++t)
        for (int64_t c = 0; c < to.cols(); ++c) to.set(row + t - part.from, c, from.at(t, c));
    }
  };

  Matrix attend(Ops& ops, Step step, const Attention& attention, bool writes) {
    Matrix out(type(), step.q.row_count(), step.q.cols(), 40);
    const NewKeys keys = writes ? NewKeys{step.k.rows(), step.v.rows()} : NewKeys{};
    ops.paged_attention(out.rows(), step.q.rows(), keys, cache(), step.ragged(), attention);
    EXPECT_TRUE(out.gaps_untouched());
    return out;
  }
  /// The keys and values of a head.
  const std::pair<reference::Table, reference::Table>& tables(int32_t sequence,
                                                              int32_t kv_head) const {
    auto& [keys, values] = tables_[{sequence, kv_head}];
    const int32_t d = shape_.head_dim;
    for (auto t = static_cast<int32_t>(keys.size()); t < length(sequence); ++t) {
      keys.push_back(columns(k_[sequence], t, kv_head * d, d));
      values.push_back(columns(v_[sequence], t, kv_head * d, d));
    }
    return tables_[{sequence, kv_head}];
  }
  DType type() const { return q_[0].type(); }
  int32_t pages_of(int32_t tokens) const {
    return (tokens + shape_.page_size - 1) / shape_.page_size;
  }
  // What no key was written to holds NaN: reading it would show.
  void spoil(int32_t page) {
    const int64_t rows = int64_t{shape_.kv_heads} * shape_.page_size;
    for (int64_t r = page * rows; r < (page + 1) * rows; ++r)
      for (int32_t d = 0; d < shape_.head_dim; ++d)
        for (Matrix* side : {keys_.get(), values_.get()})
          side->set(r, d, std::numeric_limits<float>::quiet_NaN());
  }

  const Shape shape_;
  const std::vector<int32_t> lengths_;
  std::vector<Matrix> q_, k_, v_;
  std::vector<std::vector<int32_t>> pages_;
  std::unique_ptr<Matrix> keys_, values_;
  mutable std::map<std::pair<int32_t, int32_t>, std::pair<reference::Table, reference::Table>>
      tables_;
};

/// That row `row_a` of `a` is the same bits as row `row_b` of `b`.
inline void expect_same_row(const Matrix& a, int64_t row_a, const Matrix& b, int64_t row_b,
                            const char* what) {
  for (int64_t c = 0; c < a.cols(); ++c)
    ASSERT_EQ(a.at(row_a, c), b.at(row_b, c)) << what << ", row " << row_a << " column " << c;
}

}  // namespace weir::kernels::testing
