#include "api/codec/texts.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <string_view>

#include "weir/base/excerpt.h"

namespace weir::api {
namespace {

constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
// In the order of serve::Aggregation.
constexpr std::array<std::string_view, 4> kAggregations{"none", "simple", "first", "max"};

const char* what_an_input_is(TextsRule rule) {
  return rule.pairs ? "a string, or an array of strings and of pairs of strings"
                    : "a string or an array of strings";
}

serve::Text read_pair(const Json& value, const std::string& path) {
  if (value.size() != 2)
    refuse(fmt::format("{} has {} entries; a pair is two texts", path, value.size()), path,
           value.size() < 2 ? error_name::kInvalidValue : error_name::kArrayAboveMax);
  return {.text = text_at(value[0], element(path, 0)), .pair = text_at(value[1], element(path, 1))};
}

serve::Text read_one(const Json& value, const std::string& path, TextsRule rule) {
  if (value.is_string()) return {.text = value.get<std::string>()};
  if (rule.pairs && value.is_array()) return read_pair(value, path);
  refuse(fmt::format("{} must be {}, not {}", path,
                     rule.pairs ? "a string or an array of two" : "a string", kind_of(value)),
         path, error_name::kInvalidType);
}

}  // namespace

void read_texts_to_read(Fields& fields, serve::Ask& ask, TextsRule rule) {
  const Json& input = fields.required("input");
  if (input.is_string()) {
    ask.inputs.emplace_back(serve::Text{.text = input.get<std::string>()});
    return;
  }
  if (!input.is_array())
    refuse(fmt::format("input must be {}, not {}", what_an_input_is(rule), kind_of(input)), "input",
           error_name::kInvalidType);
  if (input.empty()) refuse("input must not be empty", "input", error_name::kEmptyArray);
  ask.listed = true;
  for (size_t i = 0; i < input.size(); ++i)
    ask.inputs.emplace_back(read_one(input[i], element("input", i), rule));
}

serve::Classify read_classify(Fields& fields) {
  serve::Classify classify;
  if (const auto most = fields.integer("top_k", 1, kMost))
    classify.top_k = static_cast<uint32_t>(*most);
  classify.raw_scores = fields.flag("raw_scores").value_or(false);
  return classify;
}

serve::Aggregation read_aggregation(Fields& fields) {
  const std::string name = fields.text("aggregation").value_or("simple");
  for (size_t i = 0; i < kAggregations.size(); ++i)
    if (name == kAggregations[i]) return static_cast<serve::Aggregation>(i);
  const std::string path = fields.path_of("aggregation");
  refuse(fmt::format("{} is \"{}\"; the ways are {}", path, excerpt(name),
                     fmt::join(kAggregations, ", ")),
         path, error_name::kInvalidValue);
}

schema::Field texts_field(TextsRule rule) {
  using namespace schema;
  Json entry = rule.pairs ? any_of({text(), list(text(), 2, 2)}) : text();
  return {.name = "input",
          .schema = any_of({text(), list(std::move(entry), 1)}),
          .description = rule.pairs ? "A text, or a list of texts and of pairs [text, pair]."
                                    : "A text, or a list of texts.",
          .required = true};
}

schema::FieldList classify_fields() {
  using namespace schema;
  return {{.name = "top_k",
           .schema = integer(1, kMost),
           .description = "The labels of so many of the highest scores. Default: all."},
          {.name = "raw_scores",
           .schema = flag(),
           .description = "The head's own numbers, without softmax or sigmoid.",
           .by_default = false}};
}

schema::FieldList aggregation_fields() {
  using namespace schema;
  return {{.name = "aggregation",
           .schema = choice({kAggregations.begin(), kAggregations.end()}),
           .description = "How tokens become spans, as Hugging Face's pipeline names it.",
           .by_default = "simple"}};
}

}  // namespace weir::api
