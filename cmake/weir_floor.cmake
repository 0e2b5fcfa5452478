# weir_floor(NAME [DEPENDS floors and libraries...] [PRIVATE libraries...] [TESTS libraries...]): one static library
# `weir_NAME` from src/NAME, its public headers in include/weir/NAME, and one test program from tests/NAME, which links TESTS
# too.
add_library(weir_flags INTERFACE)
target_compile_features(weir_flags INTERFACE cxx_std_20)
target_compile_options(weir_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Werror -Wno-missing-field-initializers>)
target_include_directories(weir_flags INTERFACE "${CMAKE_SOURCE_DIR}/include" "${CMAKE_SOURCE_DIR}/src")
if(WEIR_SANITIZE)
  # gcc warns of an empty std::optional's value once it has put its own checks around it.
  target_compile_options(weir_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${WEIR_SANITIZE} -fno-omit-frame-pointer -Wno-maybe-uninitialized>)
  target_link_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE})
endif()

function(weir_floor name)
  cmake_parse_arguments(FLOOR "" "" "DEPENDS;PRIVATE;TESTS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "_cuda\\.cpp$|/rust/|/main\\.cpp$")
  if(WEIR_CUDA)
    file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS
      "${CMAKE_SOURCE_DIR}/src/${name}/*_cuda.cpp" "${CMAKE_SOURCE_DIR}/src/${name}/*.cu")
    list(APPEND sources ${cuda_sources})
  endif()
  if(sources)
    set(scope PUBLIC)
    add_library(weir_${name} STATIC ${sources})
    target_link_libraries(weir_${name} PRIVATE ${FLOOR_PRIVATE})
  else()
    set(scope INTERFACE)
    add_library(weir_${name} INTERFACE)
  endif()
  target_link_libraries(weir_${name} ${scope} weir_flags ${FLOOR_DEPENDS})
  if(cuda_sources)
    target_link_libraries(weir_${name} PUBLIC cuda)
  endif()

  file(GLOB_RECURSE tests CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${name}/*_test.cpp")
  if(WEIR_TESTS AND tests)
    add_executable(weir_${name}_test ${tests})
    target_include_directories(weir_${name}_test PRIVATE "${CMAKE_SOURCE_DIR}/tests")
    target_link_libraries(weir_${name}_test PRIVATE weir_${name} ${FLOOR_PRIVATE} ${FLOOR_TESTS} GTest::gmock_main)
    add_test(NAME ${name} COMMAND weir_${name}_test WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  endif()
endfunction()
