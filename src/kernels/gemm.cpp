// Product of a few or many rows with a packed weight: checks, cuts x into blocks of rows and the
// weight into runs of panels, and hands the pieces to the pool. No sum is ever cut, so no cut
// changes a result.

#include "weir/kernels/gemm.h"

#include <algorithm>
#include <memory>

#include "kernels/check.h"
#include "kernels/gemm_kernel.h"
#include "kernels/pack.h"
#include "kernels/page_run.h"
#include "weir/kernels/thread_pool.h"

namespace weir::kernels {
namespace {

/// [0, total) in `count` parts whose sizes differ by one at most. The first part is of the larger
/// ones and the last of the smaller: threads that take parts in turn end together.
struct Cut {
  int64_t total, count;
  int64_t begin(int64_t part) const { return total - total * (count - part) / count; }
  int64_t size(int64_t part) const { return begin(part + 1) - begin(part); }
};

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Product {
  Rows out;
  ConstRows x;
  const Panels& weight;
  const float* bias;
  Epilogue epilogue;
  PageFetch* fetch;  // null: nothing is fetched
};

/// Some rows of x, packed: block b holds rows.begin(b) and on, and lies at that row's share of
/// `data`.
struct PackedRows {
  const float* data;
  Cut rows;
  int64_t words_a_row;
};

/// Memory that lives on from call to call, aligned to a cache line.
class Scratch {
 public:
  std::byte* take(size_t bytes) {
    const size_t lines = (bytes + sizeof(Line) - 1) / sizeof(Line);
    if (size_ < lines) {
      memory_.reset(new Line[lines]);
      size_ = lines;
    }
    return memory_[0].bytes;
  }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::unique_ptr<Line[]> memory_;
  size_t size_ = 0;
};

PackedRows pack_rows(const Product& product, ThreadPool& pool) {
  const auto& kernel = product.weight.kernel();
  const ConstRows& x = product.x;
  const Cut rows{x.rows, ceil_div(x.rows, kernel.max_rows)};
  const int64_t words_a_row = kernel.steps(x.cols) * kernel.words_a_step;
  const int64_t words = x.rows * words_a_row;
  thread_local Scratch scratch;
  auto* data = reinterpret_cast<float*>(scratch.take(
      static_cast<size_t>(words + kernel.max_rows * kernel.words_a_step) * sizeof(float)));
  // A word takes 0.1 ns, and up to 1 where another core wrote the rows; a second region of the pool
  // must be worth its start.
  constexpr int64_t kWordsAChunk = 8 << 10;
  const Cut chunks{rows.count, std::clamp<int64_t>(words / kWordsAChunk, 1, rows.count)};
  const auto pack = [&](int chunk) {
    for (int64_t b = chunks.begin(chunk); b < chunks.begin(chunk + 1); ++b) {
      const int64_t row = rows.begin(b);
      const auto* from = static_cast<const std::byte*>(x.data) +
                         row * x.stride * static_cast<int64_t>(size_of(x.type));
      kernel.pack_rows(data + row * words_a_row, from, x.stride, static_cast<int>(rows.size(b)),
                       x.cols);
    }
  };
  if (chunks.count == 1)
    pack(0);
  else
    pool.run(static_cast<int>(chunks.count), pack);
  return {data, rows, words_a_row};
}

/// Panels [panel, panel_end) times blocks [block, block_end) of packed rows.
struct Piece {
  int64_t panel, panel_end, block, block_end;
};

/// The tiles of some neighbouring panels, `passes` of them, each with its own block of rows.
struct Pass {
  int64_t panel;
  int panels;
  int64_t passes, pass;
  bool first_panel;    // of its piece
  std::byte* decoded;  // the panel as the first pass leaves it to the others; null: as it is

  /// What a tile fetches, so that memory is read at an even pace: its share of the next panel. A
  /// single pass fetches from its own panel, not far before it reads there, and so does the first
  /// in a piece's first panel, which nobody fetched before.
  void fetch(GemmTile& tile, const Panels& weight) const {
    // Bytes: what memory gives in several times its latency, little enough for a panel's beginning.
    const int64_t near = weight.coded() ? 3072 : 4096;
    const auto bytes = static_cast<int64_t>(weight.panel_bytes());
    const std::byte* begin = weight.panel(panel);
    const int64_t a_step = tile.steps == 0 ? 0 : bytes / tile.steps;
    if (passes == 1 || (first_panel && pass == 0)) {
      tile.ahead = begin + near;
      tile.ahead_a_step = a_step;
      return;
    }
    const int64_t shares = first_panel ? passes - 1 : passes, share = first_panel ? pass - 1 : pass;
    tile.ahead = begin + bytes + bytes * share / shares;
    tile.ahead_a_step = a_step / shares;
  }
};

void run_tile(const Product& product, const PackedRows& rows, int64_t block, const Pass& pass,
              PageRun& pages) {
  const Panels& weight = product.weight;
  const GemmKernel& kernel = weight.kernel();
  const int64_t row = rows.rows.begin(block);
  const int64_t col = pass.panel * weight.outputs_a_panel();
  const int64_t width = pass.panels * weight.outputs_a_panel();
  const bool is_coded = weight.coded() && pass.pass == 0;
  GemmTile tile;
  tile.x = rows.data + row * rows.words_a_row;
  tile.rows = static_cast<int>(rows.rows.size(block));
  tile.weight = weight.coded() && !is_coded ? pass.decoded : weight.panel(pass.panel);
  tile.panel_bytes = weight.panel_bytes();
  tile.escapes = weight.escapes();
  tile.decoded = pass.decoded;
  tile.steps = weight.steps();
  pass.fetch(tile, weight);
  pages.next(tile);
  tile.out = static_cast<std::byte*>(product.out.data) +
             (row * product.out.stride + col) * static_cast<int64_t>(size_of(product.out.type));
  tile.out_stride = product.out.stride;
  tile.out_type = product.out.type;
  if (product.bias) {
    tile.bias = product.bias + col + (weight.gated() ? weight.out_features() : 0);
    if (weight.gated()) tile.gate_bias = product.bias + col;
  }
  tile.cols = static_cast<int>(std::min(width, weight.out_features() - col));
  tile.epilogue = product.epilogue;
  (is_coded ? kernel.coded_tile(tile.rows) : kernel.tile(tile.rows, pass.panels))(tile);
}

/// Panel by panel, and each with all blocks while it is in cache; the blocks in groups that stay
/// there too.
void run_piece(const Product& product, const PackedRows& rows, const Piece& piece) {
  const Panels& weight = product.weight;
  const auto& kernel = weight.kernel();
  const int64_t block_bytes = kernel.max_rows * rows.words_a_row * 4;
  const int64_t blocks = piece.block_end - piece.block;
  const Cut groups{
      blocks, ceil_div(blocks, std::max<int64_t>(
                                   1, kernel.group_bytes / std::max<int64_t>(1, block_bytes)))};
  // Coded panels are read one after the other, as the processor fetches ahead best.
  const int most =
      weight.coded() ? 1
                     : kernel.panels(static_cast<int>(ceil_div(rows.rows.total, rows.rows.count)));
  thread_local Scratch scratch;
  PageRun pages(product.fetch, (piece.panel_end - piece.panel) * blocks);
  if (kernel.enter) kernel.enter();
  for (int64_t g = 0; g < groups.count; ++g) {
    const int64_t passes = groups.size(g);
    const bool decodes = weight.coded() && passes > 1;
    Pass pass{.panel = piece.panel,
              .panels = most,
              .passes = passes,
              .pass = 0,
              .first_panel = true,
              .decoded = decodes ? scratch.take(weight.plain_panel_bytes()) : nullptr};
    for (; pass.panel < piece.panel_end; pass.panel += pass.panels, pass.first_panel = false) {
      while (pass.panels > piece.panel_end - pass.panel) pass.panels /= 2;
      for (pass.pass = 0; pass.pass < passes; ++pass.pass)
        run_tile(product, rows, piece.block + groups.begin(g) + pass.pass, pass, pages);
    }
  }
  if (kernel.leave) kernel.leave();
}

/// Nanoseconds of one thread, about.
struct Cost {
  double arithmetic, memory;
};

Cost cost_of(const Panels& weight, int64_t rows) {
  constexpr double kBytesANanosecond = 15;
  const double numbers = static_cast<double>(weight.count()) *
                         static_cast<double>(weight.plain_panel_bytes() / size_of(weight.type()));
  return {2 * static_cast<double>(rows) * numbers / weight.kernel().ops_a_nanosecond,
          static_cast<double>(weight.bytes()) / kBytesANanosecond};
}

/// How many pieces are worth it: each long enough to pay for its start, and enough of them that
/// threads end together.
int64_t wanted_pieces(const Product& product, int threads) {
  if (threads == 1) return 1;
  // One or two rows wait for memory, which serves threads unevenly: shorter pieces even that out.
  const double piece_nanoseconds = product.x.rows <= 2 ? 18000 : 30000;
  const auto [arithmetic, memory] = cost_of(product.weight, product.x.rows);
  const double cost = std::max(arithmetic, memory);
  if (cost < piece_nanoseconds / 3) return 1;
  const auto pieces = static_cast<int64_t>(cost / piece_nanoseconds);
  return std::clamp<int64_t>(pieces, threads, int64_t{12} * threads) / threads * threads;
}

void multiply(const Product& product, ThreadPool& pool) {
  const PackedRows rows = pack_rows(product, pool);
  const int64_t wanted = wanted_pieces(product, pool.threads());
  const Cut panels{product.weight.count(), std::min(wanted, product.weight.count())};
  const Cut blocks{rows.rows.count, std::min(ceil_div(wanted, panels.count), rows.rows.count)};
  const auto task = [&](int chunk) {
    const int64_t p = chunk % panels.count, b = chunk / panels.count;
    run_piece(product, rows,
              {panels.begin(p), panels.begin(p + 1), blocks.begin(b), blocks.begin(b + 1)});
  };
  const auto chunks = static_cast<int>(panels.count * blocks.count);
  if (chunks == 1)
    task(0);
  else
    pool.run(chunks, task);
}

void check(const Product& product) {
  const auto& [out, x, weight, bias, epilogue, fetch] = product;
  believe(x.cols == weight.in_features(),
          "gemm: x has %" PRId64 " columns; the weight takes in_features %" PRId64, x.cols,
          weight.in_features());
  believe(out.cols == weight.out_features(),
          "gemm: out has %" PRId64 " columns; the weight gives out_features %" PRId64, out.cols,
          weight.out_features());
  believe(weight.gated() == epilogue.gated,
          "gemm: products of gated weights, and no others, are gated");
  believe(!epilogue.gated || (is_gate(epilogue.act) && !epilogue.add),
          "gemm: a gated product is by gelu, gelu_tanh, relu or silu, and not added to out");
  believe(out.rows == x.rows, "gemm: out has %" PRId64 " rows; x has %" PRId64, out.rows, x.rows);
  believe(x.type == weight.type(), "gemm: x is of the weight's type");
  believe(out.type == DType::float32 || out.type == weight.type(),
          "gemm: out is float32 or of the weight's type");
}

}  // namespace

const GemmKernel& gemm_kernel(Isa isa, DType type) {
  const bool wide = type == DType::float32;
  switch (isa) {
    case Isa::avx2:
      return wide ? gemm_float32_avx2() : gemm_bfloat16_avx2();
    case Isa::avx512:
      return wide ? gemm_float32_avx512() : gemm_bfloat16_avx512();
    case Isa::avx512_bf16:
      return wide ? gemm_float32_avx512() : gemm_bfloat16_avx512_bf16();
    case Isa::amx:
      return wide ? gemm_float32_avx512() : gemm_bfloat16_amx();
  }
  believe(false, "gemm: instruction set %d is one of four", static_cast<int>(isa));
  std::abort();
}

void gemm(Rows out, ConstRows x, const PackedWeight& weight, const float* bias, Epilogue epilogue,
          ThreadPool& pool, PageFetch* fetch) {
  const auto& panels = static_cast<const Panels&>(weight);
  check({out, x, panels, bias, epilogue, fetch});
  if (x.rows == 0 || out.cols == 0) return;
  // A product that waits for memory itself has nothing to spare.
  constexpr double kSpare = 4;
  const Cost cost = cost_of(panels, x.rows);
  if (cost.arithmetic < kSpare * cost.memory) fetch = nullptr;

  // So many rows at a time that, packed, they stay in the last level of cache.
  constexpr int64_t kSlabBytes = 4 << 20;
  const auto& kernel = panels.kernel();
  const int64_t row_bytes = std::max<int64_t>(1, kernel.steps(x.cols) * kernel.words_a_step * 4);
  const int64_t slab =
      std::max<int64_t>(kSlabBytes / row_bytes / kernel.max_rows, 1) * kernel.max_rows;
  const Cut slabs{x.rows, ceil_div(x.rows, slab)};
  const auto rows_of = [&](auto rows, int64_t s) {
    const auto offset = slabs.begin(s) * rows.stride * static_cast<int64_t>(size_of(rows.type));
    using Byte =
        std::conditional_t<std::is_same_v<decltype(rows), Rows>, std::byte, const std::byte>;
    rows.data = static_cast<Byte*>(rows.data) + offset;
    rows.rows = slabs.size(s);
    return rows;
  };
  for (int64_t s = 0; s < slabs.count; ++s)
    multiply({rows_of(out, s), rows_of(x, s), panels, bias, epilogue, fetch}, pool);
}

}  // namespace weir::kernels
