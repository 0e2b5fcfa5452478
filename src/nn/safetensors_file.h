#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/file.h"

namespace weir::nn {

/// Where a tensor lies in its file.
struct TensorPlace {
  std::shared_ptr<const File> file;
  uint64_t begin = 0, bytes = 0, numbers = 0;
  std::string dtype;                   // "BF16", as the header says
  std::optional<at::ScalarType> type;  // none: a type that no weight is read in
  std::vector<int64_t> shape;
};

/// The header of one safetensors file, held against the file's size.
struct SafetensorsFile {
  std::shared_ptr<const File> file;
  std::map<std::string, TensorPlace> tensors;
  uint64_t data_begin = 0;  // where the header ends
};

/// Throws LoadError on what is no safetensors file, on tensors outside it and on tensors that
/// overlap.
SafetensorsFile read_safetensors_header(const std::string& path);

}  // namespace weir::nn
