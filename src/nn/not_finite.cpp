#include "nn/not_finite.h"

#include "weir/nn/config.h"

namespace weir::nn {
namespace {

/// IEEE 754: a number is infinite or NaN where all bits of its exponent are set. A sum of
/// comparisons is what compilers make vectors of.
template <class Bits>
int64_t count_where_all_set(const void* numbers, int64_t size, Bits exponent) {
  const auto* bits = static_cast<const Bits*>(numbers);
  int64_t count = 0;
  for (int64_t i = 0; i < size; ++i) count += (bits[i] & exponent) == exponent;
  return count;
}

}  // namespace

int64_t count_not_finite(const at::Tensor& tensor) {
  const void* numbers = tensor.const_data_ptr();
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return count_where_all_set<uint32_t>(numbers, tensor.numel(), 0x7F800000);
    case at::kHalf:
      return count_where_all_set<uint16_t>(numbers, tensor.numel(), 0x7C00);
    case at::kBFloat16:
      return count_where_all_set<uint16_t>(numbers, tensor.numel(), 0x7F80);
    default:
      throw LoadError("numbers of this type have no exponent to look at");
  }
}

}  // namespace weir::nn
