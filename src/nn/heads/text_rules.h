#pragma once

#include <cstdint>
#include <optional>

#include "weir/nn/config.h"

namespace weir::nn {

/// Checks "tokenizer" of head.json: how a text becomes tokens. The trunk's own tokenizer does it,
/// with its template, and a text that is cut loses its end. Returns "max_tokens", the longest input
/// that the head was made for. Throws LoadError.
std::optional<uint32_t> check_tokenizer(const ConfigFile& file);

/// Whether a tagger reads words: head.json has "words". They are the words of the trunk's tokenizer
/// (text::Encoding), each read at its first token. Throws LoadError if other words are meant.
bool reads_words(const ConfigFile& file);

}  // namespace weir::nn
