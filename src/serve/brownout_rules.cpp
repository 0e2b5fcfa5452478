#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "weir/serve/brownout.h"

namespace weir::serve {
namespace {

constexpr std::string_view kForm =
    "the form is queue>=MARK:ACTION with ACTION one of max-tokens=N, min-priority=P, model=A>B";
constexpr int64_t kMostMark = 1'000'000, kMostTokens = 16'777'216, kMostPriority = 9;

Error wrong(std::string_view rule, std::string_view why) {
  return invalid(fmt::format("rule \"{}\": {}", rule, why));
}

struct Range {
  std::string_view name;
  int64_t most;  // from 1 on
};

Result<int64_t> number(std::string_view rule, std::string_view text, Range range) {
  int64_t value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = failure == std::errc{} && end == text.data() + text.size() && !text.empty();
  if (whole && value >= 1 && value <= range.most) return value;
  return wrong(rule, fmt::format("{} is \"{}\"; a whole number from 1 to {} is wanted", range.name,
                                 text, range.most));
}

std::optional<std::string_view> after(std::string_view text, std::string_view start) {
  if (!text.starts_with(start)) return std::nullopt;
  return text.substr(start.size());
}

Result<BrownoutRule> parse(std::string_view rule) {
  const size_t colon = rule.find(':');
  const auto mark_text = after(rule.substr(0, colon), "queue>=");
  if (colon == std::string_view::npos || !mark_text) return wrong(rule, kForm);
  auto mark = number(rule, *mark_text, {"queue", kMostMark});
  if (!mark) return mark.error();
  BrownoutRule parsed{.mark = static_cast<size_t>(*mark), .action = {}};
  const std::string_view action = rule.substr(colon + 1);
  if (auto tokens = after(action, "max-tokens=")) {
    auto most = number(rule, *tokens, {"max-tokens", kMostTokens});
    if (!most) return most.error();
    parsed.action = BrownoutRule::MaxTokens{static_cast<uint32_t>(*most)};
  } else if (auto priority = after(action, "min-priority=")) {
    auto least = number(rule, *priority, {"min-priority", kMostPriority});
    if (!least) return least.error();
    parsed.action = BrownoutRule::MinPriority{static_cast<int>(*least)};
  } else if (auto pair = after(action, "model=")) {
    const size_t arrow = pair->find('>');
    if (arrow == std::string_view::npos) return wrong(rule, kForm);
    parsed.action = BrownoutRule::Twin{std::string(pair->substr(0, arrow)),
                                       std::string(pair->substr(arrow + 1))};
  } else {
    return wrong(rule, kForm);
  }
  return parsed;
}

Result<void> check_name(const std::string& rule, const std::string& name,
                        const std::vector<BrownoutModel>& models) {
  for (const BrownoutModel& model : models) {
    if (model.name != name) continue;
    if (!model.tasks || model.tasks->has(HeadTask::generate)) return {};
    return wrong(rule, fmt::format("model \"{}\" {}, and vectors and scores of two models "
                                   "cannot be compared",
                                   name, model.tasks->what_they_do()));
  }
  return wrong(rule, fmt::format("model \"{}\" is not served", name));
}

bool is_encoder_decoder(const std::string& name, const std::vector<BrownoutModel>& models) {
  return std::any_of(models.begin(), models.end(), [&](const BrownoutModel& model) {
    return model.name == name && model.encoder_decoder;
  });
}

Result<void> check_twin(const BrownoutRule& rule, const std::vector<BrownoutRule>& rules,
                        const std::vector<BrownoutModel>& models) {
  const auto* pair = std::get_if<BrownoutRule::Twin>(&rule.action);
  if (!pair) return {};
  for (const std::string& name : {pair->model, pair->twin})
    if (auto checked = check_name(rule.text(), name, models); !checked) return checked;
  if (pair->model == pair->twin) return wrong(rule.text(), "a model is not its own twin");
  if (is_encoder_decoder(pair->model, models) != is_encoder_decoder(pair->twin, models))
    return wrong(rule.text(),
                 "one of the models is an encoder-decoder, and a prompt means something "
                 "else to it");
  for (const BrownoutRule& other : rules) {
    const auto* second = std::get_if<BrownoutRule::Twin>(&other.action);
    if (second && second->model == pair->twin)
      return wrong(rule.text(), fmt::format("rule \"{}\" sends its twin elsewhere", other.text()));
  }
  return {};
}

}  // namespace

std::string BrownoutRule::action_text() const {
  if (const auto* tokens = std::get_if<MaxTokens>(&action))
    return fmt::format("max-tokens={}", tokens->most);
  if (const auto* priority = std::get_if<MinPriority>(&action))
    return fmt::format("min-priority={}", priority->least);
  const Twin& pair = std::get<Twin>(action);
  return fmt::format("model={}>{}", pair.model, pair.twin);
}

std::string BrownoutRule::text() const { return fmt::format("queue>={}:{}", mark, action_text()); }

Result<std::vector<BrownoutRule>> parse_brownout(const std::vector<std::string>& rules,
                                                 const std::vector<BrownoutModel>& models) {
  std::vector<BrownoutRule> parsed;
  for (const std::string& text : rules) {
    auto rule = parse(text);
    if (!rule) return rule.error();
    const auto same = [&](const BrownoutRule& other) { return other.text() == rule->text(); };
    if (std::any_of(parsed.begin(), parsed.end(), same)) return wrong(text, "it is given twice");
    parsed.push_back(*std::move(rule));
  }
  for (const BrownoutRule& rule : parsed)
    if (auto checked = check_twin(rule, parsed, models); !checked) return checked.error();
  return parsed;
}

}  // namespace weir::serve
