#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir::folder {

/// What a head is for.
enum class HeadTask : uint8_t { generate, embed, classify, tag };

constexpr const char* to_string(HeadTask task) {
  switch (task) {
    case HeadTask::generate:
      return "generate";
    case HeadTask::embed:
      return "embed";
    case HeadTask::classify:
      return "classify";
    case HeadTask::tag:
      break;
  }
  return "tag";
}

/// The numbers of a linear-chain CRF over a head's columns. The score of the labels y_1 to y_T is
/// start[y_1] + the sum of the emissions + the sum of transitions + end[y_T].
struct Crf {
  std::vector<float> start;        // (labels)
  std::vector<float> transitions;  // (labels, labels): [from * labels + to]
  std::vector<float> end;          // (labels)
};

/// What a head's folder says of its numbers: what they stand for and what is made of them. The
/// numbers themselves are computed in `nn`.
struct HeadCard {
  HeadTask task = HeadTask::generate;
  std::string name;                 // in messages: "BertForTokenClassification", "minilm-ner-crf"
  std::vector<std::string> labels;  // one for each column; empty: the columns have no labels
  /// What makes scores of a line of numbers.
  enum class Scores : uint8_t { softmax, sigmoid, number } scores = Scores::softmax;
  /// A tagger that reads the first token of each word. Otherwise it reads every token that is no
  /// special one.
  bool by_word = false;
  std::optional<Crf> crf = {};              // labels are decoded together
  std::optional<uint32_t> max_tokens = {};  // of the longest input that the head was made for
};

}  // namespace weir::folder
