// Preloaded into the daemon: breaks its CUDA context for good, as a kernel that writes where it may
// not does. Waits for the file that WEIR_LOSE_DEVICE_AT names.
#include <unistd.h>

#include <cstdlib>
#include <thread>

namespace {

__global__ void write_to(int* nowhere) { *nowhere = 1; }

__attribute__((constructor)) void arm() {
  const char* file = std::getenv("WEIR_LOSE_DEVICE_AT");
  if (!file) return;
  std::thread([file] {
    while (access(file, F_OK) != 0) usleep(10'000);
    write_to<<<1, 1>>>(reinterpret_cast<int*>(8));
    cudaDeviceSynchronize();
  }).detach();
}

}  // namespace
