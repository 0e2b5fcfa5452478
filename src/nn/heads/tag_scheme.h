#pragma once

#include <span>
#include <string>

#include "weir/nn/config.h"

namespace weir::nn {

/// Checks what head.json says of a tagger's labels ("tag_scheme", "entity_types", "entities")
/// against the labels themselves, from which spans are made. Throws LoadError.
void check_tag_scheme(const ConfigFile& file, std::span<const std::string> labels);

/// Throws LoadError if head.json has a field that only a tagger reads.
void refuse_tag_fields(const ConfigFile& file);

}  // namespace weir::nn
