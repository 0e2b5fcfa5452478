# The CUDA side of the torch floors: nvcc and headers out of .deps/cuda, FlashInfer's headers out of .deps/flashinfer
# (scripts/setup --cuda). Included at the top level, so that the language is enabled for every floor.
set(cuda "${WEIR_DEPS_DIR}/cuda")
set(flashinfer "${WEIR_DEPS_DIR}/flashinfer")
foreach(needed "${cuda}/bin/nvcc" "${flashinfer}/include/flashinfer")
  if(NOT EXISTS "${needed}")
    message(FATAL_ERROR "${needed} is not there; run scripts/setup --cuda")
  endif()
endforeach()

set(CMAKE_CUDA_COMPILER "${cuda}/bin/nvcc")
set(CUDAToolkit_ROOT "${cuda}")
set(CMAKE_CUDA_ARCHITECTURES "${WEIR_CUDA_ARCHS}")
list(TRANSFORM CMAKE_CUDA_ARCHITECTURES APPEND "-real")
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
if(CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CUDA_COMPILER_LAUNCHER "${CMAKE_CXX_COMPILER_LAUNCHER}")
endif()
# The toolkit is put together from wheels: its linker script folder and libraries lie in lib, not lib64.
set(CMAKE_CUDA_FLAGS_INIT "-L${cuda}/lib")
enable_language(CUDA)
# CMake 3.25.1 does not know that nvcc 12 and later speak C++20.
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)

# cuda: the runtime and its headers, for *_cuda.cpp and *.cu alike. libcudart is the file beside libtorch: one in a process.
add_library(cuda INTERFACE)
target_compile_definitions(cuda INTERFACE WEIR_CUDA=1)
# FlashInfer brings its own CCCL, newer than nvcc's: it must be found first. nvcc's own come last, after every -isystem.
target_include_directories(cuda SYSTEM INTERFACE
  "${flashinfer}/include" "${flashinfer}/cutlass/include"
  "${flashinfer}/cccl/libcudacxx/include" "${flashinfer}/cccl/cub" "${flashinfer}/cccl/thrust")
target_include_directories(cuda SYSTEM INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${cuda}/include>")
target_compile_options(cuda INTERFACE
  $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr --expt-extended-lambda -Xcompiler=-Wall,-Wextra
  -Xcudafe=--diag_suppress=177 --threads=1>)
target_link_libraries(cuda INTERFACE "${torch}/lib/libcudart.so.13")

# Whoever links torch links its CUDA half: it registers itself when loaded, so the linker must not drop it as unused.
target_link_libraries(torch INTERFACE -Wl,--no-as-needed torch_cuda c10_cuda cuda)
# What libtorch_cuda.so loads in its turn (scripts/setup --gpu).
target_link_options(torch INTERFACE "-Wl,-rpath,${WEIR_DEPS_DIR}/cuda-runtime/lib")
