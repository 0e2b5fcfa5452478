#include "weir/nn/gather.h"

#include <algorithm>

namespace weir::nn {

at::Tensor pick(Backend& backend, const at::Tensor& x, std::optional<std::span<const int32_t>> held,
                std::span<const int32_t> wanted) {
  if (!held) return gather(backend, x, wanted);
  if (std::ranges::equal(*held, wanted)) return x;
  std::vector<int32_t> places;
  places.reserve(wanted.size());
  for (const int32_t token : wanted)
    places.push_back(static_cast<int32_t>(std::ranges::lower_bound(*held, token) - held->begin()));
  return gather(backend, x, places);
}

}  // namespace weir::nn
