# weir_cargo(NAME FOLDER): the staticlib crate in FOLDER as the imported library NAME. Every preset shares one target
# folder, for the crate does not depend on ours.
find_program(WEIR_CARGO cargo REQUIRED)

function(weir_cargo name folder)
  set(target_folder "${CMAKE_SOURCE_DIR}/build/cargo")
  file(READ "${folder}/Cargo.toml" manifest)
  string(REGEX MATCH "name = \"([a-z_]+)\"" found "${manifest}")
  set(library "${target_folder}/release/lib${CMAKE_MATCH_1}.a")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${folder}/src/*.rs")
  add_custom_command(
    OUTPUT "${library}"
    COMMAND "${CMAKE_COMMAND}" -E env "CARGO_TARGET_DIR=${target_folder}"
      "${WEIR_CARGO}" build --release --locked --quiet --manifest-path "${folder}/Cargo.toml"
    # Cargo leaves an unchanged library's time as it was, which would look out of date for ever.
    COMMAND "${CMAKE_COMMAND}" -E touch "${library}"
    DEPENDS ${sources} "${folder}/Cargo.toml" "${folder}/Cargo.lock"
    COMMENT "Building the Rust crate ${CMAKE_MATCH_1}"
    VERBATIM)
  add_custom_target(${name}_build DEPENDS "${library}")
  add_library(${name} STATIC IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION "${library}")
  # What Rust's standard library needs of the system.
  target_link_libraries(${name} INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
  add_dependencies(${name} ${name}_build)
endfunction()
