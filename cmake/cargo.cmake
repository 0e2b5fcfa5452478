# A cargo as new as the crate asks: the first in PATH, Debian's, or rustup's. scripts/packages.sh finds the same.
file(STRINGS "${CMAKE_SOURCE_DIR}/src/text/rust/Cargo.toml" cargo_needed REGEX "^rust-version")
string(REGEX REPLACE ".*\"(.*)\"" "\\1" cargo_needed "${cargo_needed}")
function(weir_cargo_is_new_enough result path)
  execute_process(COMMAND "${path}" --version OUTPUT_VARIABLE said ERROR_QUIET)
  if(NOT said MATCHES "^cargo ([0-9.]+)" OR CMAKE_MATCH_1 VERSION_LESS cargo_needed)
    set(${result} FALSE PARENT_SCOPE)
  endif()
endfunction()
# The one that CMake remembers may have become too old, or be gone.
set(remembered TRUE)
if(WEIR_CARGO)
  weir_cargo_is_new_enough(remembered "${WEIR_CARGO}")
endif()
if(NOT remembered)
  unset(WEIR_CARGO CACHE)
endif()
find_program(WEIR_CARGO cargo PATHS /usr/bin "$ENV{HOME}/.cargo/bin" VALIDATOR weir_cargo_is_new_enough)
if(NOT WEIR_CARGO)
  message(FATAL_ERROR "no cargo here is ${cargo_needed} or newer; run scripts/setup")
endif()
# A cargo takes the compiler that PATH has, which may be another toolchain's.
get_filename_component(toolchain "${WEIR_CARGO}" DIRECTORY)
set(rust_environment)
if(EXISTS "${toolchain}/rustc")
  set(rust_environment "RUSTC=${toolchain}/rustc")
endif()

# weir_cargo(NAME FOLDER): the staticlib crate in FOLDER as the imported library NAME. Every preset shares one target
# folder, for the crate does not depend on ours.
function(weir_cargo name folder)
  set(target_folder "${CMAKE_SOURCE_DIR}/build/cargo")
  file(READ "${folder}/Cargo.toml" manifest)
  string(REGEX MATCH "name = \"([a-z_]+)\"" found "${manifest}")
  set(library "${target_folder}/release/lib${CMAKE_MATCH_1}.a")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${folder}/src/*.rs")
  add_custom_command(
    OUTPUT "${library}"
    COMMAND "${CMAKE_COMMAND}" -E env "CARGO_TARGET_DIR=${target_folder}" ${rust_environment}
      "${WEIR_CARGO}" build --release --locked --manifest-path "${folder}/Cargo.toml"
    # Cargo leaves an unchanged library's time as it was, which would look out of date for ever.
    COMMAND "${CMAKE_COMMAND}" -E touch "${library}"
    DEPENDS ${sources} "${folder}/Cargo.toml" "${folder}/Cargo.lock"
    COMMENT "Building the Rust crate ${CMAKE_MATCH_1}"
    USES_TERMINAL # it takes minutes: what cargo says is shown while it runs
    VERBATIM)
  add_custom_target(${name}_build DEPENDS "${library}")
  add_library(${name} STATIC IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION "${library}")
  # What Rust's standard library needs of the system.
  target_link_libraries(${name} INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
  add_dependencies(${name} ${name}_build)
endfunction()
