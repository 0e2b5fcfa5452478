#pragma once

#include <memory>

#include "text/rust_value.h"
#include "weir/text/tokenizer.h"

namespace weir::text {

class Tokenizer::Handle {
 public:
  std::unique_ptr<WeirTokenizer, RustRelease<weir_tokenizer_free>> rust;
};

}  // namespace weir::text
