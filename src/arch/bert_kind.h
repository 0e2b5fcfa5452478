#pragma once

#include "arch/bert_trunk.h"

namespace weir::arch {

/// What config.json says by BERT's names.
nn::Shape bert_shape(const nn::ConfigFile& config);
/// Takes the first `unused` rows of the table of positions, which no token has, from max_positions.
void leave_out_positions(nn::Shape& shape, const nn::ConfigFile& config, int64_t unused);
BertPlan bert_plan(const nn::ConfigFile& config, const nn::Shape& shape);

/// The trunk, the head of vectors, and the heads that the checkpoint brings. Throws LoadError.
nn::Model build_bert_kind(const nn::Builder& whole, const BertPlan& plan);

}  // namespace weir::arch
