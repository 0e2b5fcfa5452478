#pragma once

#include "kernels/matrix.h"

namespace weir::kernels::testing {

/// Where a number of a key lies among the rows of a cache (pages * heads * page size, head_dim) on
/// the CPU, as rows and as key_words.h has it.
struct KeyPlaces {
  int32_t page_size;

  float at(const Matrix& keys, int64_t row, int64_t d) const {
    const int64_t place = place_of(keys, row, d);
    return keys.at(place / keys.cols(), place % keys.cols());
  }
  /// From rows, as every page lies on a device, to how it lies on the CPU, and back.
  Matrix from_rows(const Matrix& rows) const {
    Matrix out(rows);
    each(rows, [&](int64_t row, int64_t d) {
      const int64_t place = place_of(rows, row, d);
      out.set(place / rows.cols(), place % rows.cols(), rows.at(row, d));
    });
    return out;
  }
  Matrix to_rows(const Matrix& keys) const {
    Matrix out(keys);
    each(keys, [&](int64_t row, int64_t d) { out.set(row, d, at(keys, row, d)); });
    return out;
  }

 private:
  template <class F>
  static void each(const Matrix& m, F&& body) {
    for (int64_t row = 0; row < m.row_count(); ++row)
      for (int64_t d = 0; d < m.cols(); ++d) body(row, d);
  }
  int64_t place_of(const Matrix& keys, int64_t row, int64_t d) const {
    if (page_size % 16 != 0) return row * keys.cols() + d;
    const int64_t of_word = 4 / static_cast<int64_t>(size_of(keys.type())), slot = row % page_size;
    const int64_t word = d / of_word * page_size + slot;
    return (row - slot) * keys.cols() + word * of_word + d % of_word;
  }
};

}  // namespace weir::kernels::testing
