#include "nn/heads/labels.h"

#include "weir/base/excerpt.h"

namespace weir::nn {
namespace {

constexpr int64_t kLabels = 2;  // of a config.json that says nothing

std::vector<std::string> read_labels(const ConfigFile& names) {
  const nlohmann::json& object = names.json();
  if (object.empty()) names.refuse("it is empty; a head has at least one label");
  std::vector<std::string> labels;
  for (size_t i = 0; i < object.size(); ++i) {
    const std::string id = std::to_string(i);
    const auto label = object.find(id);
    if (label == object.end())
      names.refuse("id " + id + " is missing; its " + std::to_string(object.size()) +
                   " ids are 0 to " + std::to_string(object.size() - 1));
    if (!label->is_string()) names.refuse(id + " is " + excerpt(label->dump()) + ", not a string");
    labels.push_back(label->get<std::string>());
  }
  return labels;
}

}  // namespace

std::vector<std::string> labels_of(const ConfigFile& config) {
  const auto names = config.object("id2label");
  const bool counted = config.has("num_labels");
  const int64_t count = config.size("num_labels", kLabels);
  if (names) {
    auto labels = read_labels(*names);
    if (counted && count != static_cast<int64_t>(labels.size()))
      config.refuse("num_labels is " + std::to_string(count) + "; id2label has " +
                    std::to_string(labels.size()));
    return labels;
  }
  constexpr int64_t kMost = 1 << 20;  // each gets a name here
  if (count > kMost)
    config.refuse("num_labels is " + std::to_string(count) + "; at most " + std::to_string(kMost) +
                  " is possible without id2label");
  std::vector<std::string> labels;
  for (int64_t i = 0; i < count; ++i) labels.push_back("LABEL_" + std::to_string(i));
  return labels;
}

folder::HeadCard::Scores scores_of(const ConfigFile& config, size_t labels) {
  using enum folder::HeadCard::Scores;
  const std::string type = config.text("problem_type", "");
  if (type == "multi_label_classification") return sigmoid;
  if (type == "regression") return number;
  if (!type.empty() && type != "single_label_classification")
    config.refuse("problem_type \"" + excerpt(type) +
                  "\" is not known (single_label_classification, multi_label_classification, "
                  "regression)");
  return labels == 1 ? sigmoid : softmax;
}

}  // namespace weir::nn
