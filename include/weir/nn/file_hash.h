#pragma once

#include <optional>
#include <span>
#include <stop_token>
#include <string>

namespace weir::nn {

/// The SHA-256 of files one after another, 64 hex digits: what `cat FILES | sha256sum` prints. None
/// if `stop` is requested before it is known. Throws LoadError where a file cannot be read.
std::optional<std::string> sha256_of_files(std::span<const std::string> paths,
                                           const std::stop_token& stop = {});

}  // namespace weir::nn
