#include "weir/kernels/cpu_isa.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace weir::kernels {
namespace {

class CpuIsa : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* value = std::getenv("WEIR_CPU")) before_ = value;
    unsetenv("WEIR_CPU");
  }
  void TearDown() override {
    before_.empty() ? unsetenv("WEIR_CPU") : setenv("WEIR_CPU", before_.c_str(), 1);
  }
  std::string before_;
};

TEST_F(CpuIsa, TheLastIsWhatTheCompilerSees) {
  const Result<Isa> isa = last_isa();
  ASSERT_EQ(static_cast<bool>(isa),
            __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
  if (!isa) return;
  EXPECT_EQ(*isa >= Isa::avx512,
            __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"));
  EXPECT_EQ(*isa >= Isa::avx512_bf16, *isa >= Isa::avx512 && __builtin_cpu_supports("avx512bf16"));
}

TEST_F(CpuIsa, IsTheLastButWherePairsAreMultipliedSlowly) {
  const Result<Isa> isa = detect_isa(), last = last_isa();
  ASSERT_TRUE(isa);
  const bool slowly = __builtin_cpu_is("intel") && *last == Isa::avx512_bf16 &&
                      __builtin_cpu_supports("avx512fp16");
  EXPECT_EQ(*isa, slowly ? Isa::avx512 : *last);
}

TEST_F(CpuIsa, IsWhatTheEnvironmentNames) {
  const Result<Isa> best = last_isa();
  ASSERT_TRUE(best);
  for (const Isa wanted : kIsas) {
    setenv("WEIR_CPU", to_string(wanted).c_str(), 1);
    const Result<Isa> isa = detect_isa();
    if (*best >= wanted) {
      ASSERT_TRUE(isa) << isa.error().message;
      EXPECT_EQ(*isa, wanted);
    } else {
      ASSERT_FALSE(isa);
      EXPECT_EQ(isa.error().message, "WEIR_CPU is " + to_string(wanted) +
                                         "; this processor has at best " + to_string(*best));
    }
  }
}

TEST_F(CpuIsa, RefusesAnUnknownName) {
  setenv("WEIR_CPU", "neon", 1);
  const Result<Isa> isa = detect_isa();
  ASSERT_FALSE(isa);
  EXPECT_EQ(isa.error().message, "WEIR_CPU is \"neon\"; it takes avx2, avx512, avx512_bf16 or amx");
}

}  // namespace
}  // namespace weir::kernels
