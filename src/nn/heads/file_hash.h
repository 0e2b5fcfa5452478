#pragma once

#include <string>

namespace weir::nn {

/// The SHA-256 of a file, 64 hex digits. Throws LoadError where it cannot be read.
std::string sha256_of_file(const std::string& path);

}  // namespace weir::nn
