#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "kernels/cpu_ops.h"
#include "kernels/matrix.h"
#include "weir/kernels/cuda_ops.h"

namespace weir::kernels::testing {

inline bool no_device() {
  int count = 0;
  return cudaGetDeviceCount(&count) != cudaSuccess || count == 0;
}
constexpr const char* kSkipped = "no CUDA device: skipped";

/// Bytes of the host on the device, while this lives.
class There {
 public:
  There(void* host, size_t bytes) : host_(host), bytes_(bytes) {
    EXPECT_EQ(cudaMalloc(&device_, bytes + 1), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(device_, host, bytes, cudaMemcpyHostToDevice), cudaSuccess);
  }
  explicit There(Matrix& matrix) : There(matrix.data(), bytes_of(matrix)) {
    view_ = matrix.rows();
    view_.data = device_;
  }
  template <class T>
  explicit There(std::vector<T>& numbers) : There(numbers.data(), numbers.size() * sizeof(T)) {}
  ~There() { cudaFree(device_); }
  There(const There&) = delete;

  Rows rows() const { return view_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(device_);
  }
  /// Other bytes in the same place, no more than there were.
  void take(const void* data, size_t bytes) {
    ASSERT_LE(bytes, bytes_);
    EXPECT_EQ(cudaMemcpy(device_, data, bytes, cudaMemcpyHostToDevice), cudaSuccess);
  }
  void take(Matrix& matrix) { take(matrix.data(), bytes_of(matrix)); }
  /// Waits for everything that is queued; what is there now comes back.
  void back() {
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(host_, device_, bytes_, cudaMemcpyDeviceToHost), cudaSuccess);
  }

 private:
  static size_t bytes_of(Matrix& matrix) {
    return static_cast<size_t>(matrix.rows().rows * matrix.rows().stride) * size_of(matrix.type());
  }

  void* host_;
  void* device_ = nullptr;
  size_t bytes_;
  Rows view_;
};

/// The same operation on the CPU and on a CUDA device.
class DeviceOps : public ::testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    if (no_device()) GTEST_SKIP() << kSkipped;
    ASSERT_EQ(cudaStreamCreate(&stream_), cudaSuccess);
    cuda_ = make_cuda_ops(stream_);
  }
  void TearDown() override {
    if (!cuda_) return;
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    cuda_.reset();
    cudaStreamDestroy(stream_);
  }

  DType type() const { return GetParam(); }
  Matrix random(int64_t rows, int64_t cols, int64_t gap = 0) {
    return Matrix(type(), rows, cols, gap).fill(random_);
  }

  /// Both rounded once from float32 sums of another order. `slack` widens where what is compared is
  /// itself rounded; 0: the same bits.
  void expect_same(const Matrix& cuda, const Matrix& cpu, const char* what,
                   double slack = 1) const {
    int wrong = 0;
    for (int64_t r = 0; r < cpu.row_count(); ++r)
      for (int64_t c = 0; c < cpu.cols(); ++c) {
        double want = cpu.at(r, c), got = cuda.at(r, c);
        double tolerance = slack * (cpu.type() == DType::float32 ? 2e-5 * std::abs(want) + 1e-5
                                                                 : 8e-3 * std::abs(want) + 2e-3);
        if (std::abs(got - want) <= tolerance) continue;
        if (++wrong <= 3)
          ADD_FAILURE() << what << " (" << r << ", " << c << ") is " << got << ", not " << want;
      }
    EXPECT_EQ(wrong, 0) << what;
    EXPECT_TRUE(slack != 0 || cuda == cpu) << what << " is not the same bits";
    EXPECT_TRUE(cuda.gaps_untouched()) << what << " wrote past its columns";
  }

  std::mt19937 random_{20261124};
  ThreadPool threads_{2};
  // The oracle is of one instruction set, whatever machine the device is in.
  std::unique_ptr<Ops> cpu_ = make_cpu_ops(threads_, Isa::avx2);
  cudaStream_t stream_ = nullptr;
  std::unique_ptr<Ops> cuda_;
};

inline std::string type_name(const ::testing::TestParamInfo<DType>& info) {
  return info.param == DType::float32 ? "float32" : "bfloat16";
}

}  // namespace weir::kernels::testing
