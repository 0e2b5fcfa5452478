#pragma once

#include <string>
#include <vector>

#include "weir/folder/head_card.h"
#include "weir/nn/config.h"

namespace weir::nn {

/// The labels of a classifier's columns as config.json names them: id2label, or LABEL_0 and so on
/// of num_labels (2 where that is not there either). Throws LoadError where id2label's ids are not
/// 0 to n - 1 or num_labels is another number.
std::vector<std::string> labels_of(const ConfigFile& config);

/// What makes scores of a sequence's line, as transformers' pipeline has it: problem_type, or the
/// number itself of one label and else a softmax. Throws LoadError for a problem_type that is not
/// known.
folder::HeadCard::Scores scores_of(const ConfigFile& config, size_t labels);

}  // namespace weir::nn
