#pragma once

#include "arch/bert_trunk.h"

namespace weir::arch {

/// What config.json says by BERT's names.
nn::Shape bert_shape(const nn::ConfigFile& config);
BertPlan bert_plan(const nn::ConfigFile& config, const nn::Shape& shape);

/// The trunk, the head of vectors, and the heads that the checkpoint brings. Throws LoadError.
nn::Model build_bert_kind(const nn::Builder& whole, const BertPlan& plan);

}  // namespace weir::arch
