#include "kernels/flashinfer_cuda.cuh"

namespace weir::kernels {

std::unique_ptr<PagedAttention> make_paged_attention_64(PagedShape shape, void* stream) {
  return make_flash_attention<64>(shape, stream);
}

}  // namespace weir::kernels
