// Attention of every kind of value against its definition: over pages that are written and read,
// over pages that are only read, and within rows.
#include <string>

#include "kernels/sequences.h"

namespace weir::kernels::testing {
namespace {

/// How far a bias reaches before and after a query.
struct Reach {
  int32_t left, right;
};
struct Value {
  const char* name;
  Attention attention;
  Reach bias = {-1, -1};  // negative: none
};

constexpr Value kValues[] = {
    {"causal", {}},
    {"both_ways", {.causal = false}},
    {"scaled", {.scale = 0.05f}},
    {"capped", {.scale = 0.5f, .soft_cap = 3}},
    {"capped_both_ways", {.scale = 0.5f, .soft_cap = 3, .causal = false}},
    {"window_of_itself", {.window = 1}},
    {"window_of_20", {.window = 20}},
    {"window_of_a_block", {.window = 64}},
    {"window_of_600", {.window = 600}},
    {"window_longer_than_all", {.window = INT32_MAX}},
    {"window_both_ways", {.window = 70, .causal = false}},
    {"window_both_ways_longer_than_all", {.window = INT32_MAX, .causal = false}},
    {"biased", {}, {7, 0}},
    {"biased_far", {}, {900, 0}},
    {"biased_alike", {}, {0, 0}},
    {"biased_both_ways", {.causal = false}, {9, 30}},
    {"biased_far_both_ways", {.causal = false}, {130, 900}},
    {"biased_to_the_right", {.causal = false}, {0, 5}},
    {"window_and_bias", {.window = 75}, {20, 3}},
    {"window_and_bias_both_ways", {.window = 75, .causal = false}, {3, 20}},
    {"window_and_cap", {.scale = 0.4f, .soft_cap = 2, .window = 33}},
    {"all", {.scale = 0.4f, .soft_cap = 2, .window = 90}, {40, 0}},
    {"all_both_ways", {.scale = 0.4f, .soft_cap = 2, .window = 90, .causal = false}, {40, 11}},
};

class AttentionValueTest : public OpsTest {
 protected:
  /// body(attention) of each value, scaled for heads of this size and with its bias.
  template <class F>
  void each_value(const Shape& shape, F&& body) {
    for (const Value& value : kValues) {
      SCOPED_TRACE(std::string(value.name) + ", heads of " + std::to_string(shape.head_dim));
      Attention attention = value.attention;
      attention.scale *= 2 / std::sqrt(static_cast<float>(shape.head_dim));
      const auto [left, right] = value.bias;
      Matrix bias(DType::float32, shape.heads, left < 0 ? 0 : left + 1 + right);
      if (left >= 0) attention.bias = {static_cast<float*>(bias.fill(random_).data()), left, right};
      body(attention);
    }
  }

  void expect_row(const Matrix& out, int64_t row, int32_t head, const std::vector<double>& want) {
    const auto d = static_cast<int64_t>(want.size());
    for (int64_t c = 0; c < d; ++c)
      ASSERT_NEAR(out.at(row, head * d + c), want[static_cast<size_t>(c)],
                  tolerance(std::abs(want[static_cast<size_t>(c)]) + 0.5))
          << "row " << row << " head " << head;
  }
  /// The results of tokens [from, to) of a sequence, from row 0 on.
  void expect_tokens(const Sequences& sequences, const Sequences::Part& part, const Shape& shape,
                     const Attention& attention, const Matrix& out) {
    for (int32_t t = part.from; t < part.to; t += 1 + t % 47)
      for (const int32_t head : {0, shape.heads / 2, shape.heads - 1})
        expect_row(out, t - part.from, head, sequences.want(part.sequence, t, head, attention));
  }

  const std::vector<Shape> shapes_ = {
      {4, 2, 64, 16}, {9, 3, 24, 5}, {8, 8, 96, 32}, {100, 1, 16, 16}};
};
INSTANTIATE_TEST_SUITE_P(Cpu, AttentionValueTest, ::testing::ValuesIn(cases()), name_of);

/// Positions are of no use among the keys of another sequence.
bool needs_positions(const Attention& attention) {
  return attention.window > 0 || attention.bias.data != nullptr;
}

TEST_P(AttentionValueTest, OverPages) {
  for (const Shape& shape : shapes_)
    each_value(shape, [&](const Attention& attention) {
      if (!attention.causal) return;
      Sequences sequences(type(), shape, {150, 640}, random_);
      sequences.step(*ops_, {{0, 0, 149}, {1, 0, 530}}, {});
      expect_tokens(sequences, {0, 149, 150}, shape, attention,
                    sequences.step(*ops_, {{0, 149, 150}}, attention));
      expect_tokens(sequences, {1, 530, 640}, shape, attention,
                    sequences.step(*ops_, {{1, 530, 640}}, attention));
    });
}

TEST_P(AttentionValueTest, OverPagesThatAreOnlyRead) {
  for (const Shape& shape : shapes_)
    each_value(shape, [&](const Attention& attention) {
      if (!attention.causal && needs_positions(attention)) return;
      Sequences sequences(type(), shape, {90, 610}, random_);
      sequences.write(*ops_, {{0, 0, 90}, {1, 0, 610}});
      const Matrix keys = sequences.keys(), values = sequences.values();
      for (const Sequences::Part& part :
           {Sequences::Part{0, 17, 18}, {0, 40, 90}, {1, 0, 100}, {1, 600, 603}})
        expect_tokens(sequences, part, shape, attention,
                      attention.causal ? sequences.read(*ops_, {part}, attention)
                                       : sequences.read_all(*ops_, {part}, attention));
      EXPECT_TRUE(keys == sequences.keys() && values == sequences.values()) << "written to";
    });
}

TEST_P(AttentionValueTest, WithinRows) {
  for (const Shape& shape : shapes_)
    each_value(shape, [&](const Attention& attention) {
      const int32_t d = shape.head_dim, q_cols = shape.heads * d, kv_cols = shape.kv_heads * d;
      const std::vector<int32_t> begin = {0, 1, 8, 8 + 64, 72 + 177, 249 + 2, 251 + 590};
      const int32_t tokens = begin.back();
      Matrix qkv = Matrix(type(), tokens, q_cols + 2 * kv_cols, 3).fill(random_);
      Matrix out(type(), tokens, q_cols, 5);
      const auto part = [&](int64_t first, int64_t cols) {
        Rows rows = qkv.rows();
        rows.data = static_cast<char*>(rows.data) + first * static_cast<int64_t>(size_of(type()));
        rows.cols = cols;
        return rows;
      };
      const Ragged ragged{
          .rows = 6, .tokens = tokens, .q_begin = begin.data(), .q_begin_host = begin.data()};
      ops_->ragged_attention(out.rows(), part(0, q_cols), part(q_cols, kv_cols),
                             part(q_cols + kv_cols, kv_cols), ragged, d, attention);
      EXPECT_TRUE(out.gaps_untouched());
      for (size_t row = 0; row < 6; ++row)
        for (const int32_t head : {0, shape.heads / 2, shape.heads - 1}) {
          const int32_t kv = head / (shape.heads / shape.kv_heads);
          reference::Table keys, values;
          for (int32_t t = begin[row]; t < begin[row + 1]; ++t) {
            keys.push_back(columns(qkv, t, q_cols + kv * d, d));
            values.push_back(columns(qkv, t, q_cols + kv_cols + kv * d, d));
          }
          for (int32_t t = begin[row]; t < begin[row + 1]; t += 1 + t % 47)
            expect_row(out, t, head,
                       reference::attend({columns(qkv, t, head * d, d), t - begin[row], head}, keys,
                                         values, attention));
        }
    });
}

TEST_P(AttentionValueTest, IsTheSameBitsHoweverCut) {
  for (const Shape& shape : {Shape{6, 2, 64, 16}, {9, 3, 24, 5}})
    each_value(shape, [&](const Attention& attention) {
      if (!attention.causal) return;
      Sequences sequences(type(), shape, {1100, 200}, random_);
      const Matrix whole = sequences.step(*ops_, {{0, 0, 1100}}, attention);
      for (int32_t from = 0, size = 1; from < 1100; from += size, size = size * 2 + 1) {
        const int32_t to = std::min(from + size, 1100);
        const Matrix part =
            sequences.step(*ops_, {{1, 0, from % 200 + 1}, {0, from, to}}, attention);
        for (int32_t t = from; t < to; ++t)
          expect_same_row(whole, t, part, from % 200 + 1 + t - from, "chunked");
      }
      ThreadPool one(1);
      const auto alone = make_cpu_ops(one, GetParam().isa);
      for (const int32_t t : {0, 1, 63, 64, 65, 90, 511, 512, 513, 600, 1024, 1099})
        for (Ops* ops : {ops_.get(), alone.get()})
          expect_same_row(whole, t, sequences.step(*ops, {{0, t, t + 1}}, attention), 0, "decoded");
    });
}

// The pages that no query sees hold NaN, and their ids are -1.
TEST_P(AttentionValueTest, PagesBeforeTheWindowAreNotRead) {
  for (const Shape& shape : {Shape{6, 2, 64, 16}, {9, 3, 24, 5}, {16, 1, 96, 16}, {2, 2, 32, 128}})
    each_value(shape, [&](const Attention& attention) {
      if (!attention.causal || attention.window == 0) return;
      Sequences sequences(type(), shape, {1300, 64}, random_);
      const Matrix whole = sequences.step(*ops_, {{0, 0, 1300}}, attention);
      sequences.step(*ops_, {{1, 0, 64}}, {});
      ThreadPool one(1);
      const auto alone = make_cpu_ops(one, GetParam().isa);
      for (const auto& [from, to] : {std::pair{3, 4},
                                     {70, 75},
                                     {75, 300},
                                     {300, 301},
                                     {301, 700},
                                     {700, 1200},
                                     {1200, 1201},
                                     {1201, 1202},
                                     {1299, 1300}}) {
        sequences.lose(0, from + 1 - attention.window);
        for (Ops* ops : {ops_.get(), alone.get()}) {
          const Matrix part = sequences.step(*ops, {{0, from, to}, {1, 40, 64}}, attention);
          for (int32_t t = from; t < to; ++t)
            expect_same_row(whole, t, part, t - from, "without the pages before");
          const Matrix beside = sequences.step(*ops, {{1, 40, 64}, {0, from, to}}, attention);
          for (int32_t t = from; t < to; ++t)
            expect_same_row(whole, t, beside, 24 + t - from, "after another");
        }
      }
    });
}

TEST_P(AttentionValueTest, ACallThatMeansNothingAborts) {
  Sequences sequences(type(), {2, 1, 32, 16}, {40}, random_);
  sequences.write(*ops_, {{0, 0, 40}});
  const auto attend = [&](const Attention& attention) {
    sequences.read_all(*ops_, {{0, 30, 40}}, attention);
  };
  EXPECT_DEATH(attend({.window = 3, .causal = false}), "no window and no bias");
  EXPECT_DEATH(attend({.soft_cap = -1}), "a soft cap of -1");
  EXPECT_DEATH(attend({.window = -1}), "a window of -1");
  sequences.lose(0, 40);
  EXPECT_DEATH(attend({.window = 11}), "row 0 sees key 20, and its page 1 is missing");
}

}  // namespace
}  // namespace weir::kernels::testing
