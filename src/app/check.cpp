#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "app/access.h"
#include "app/commands.h"
#include "app/machine_report.h"
#include "app/plan.h"
#include "weir/arch/table.h"
#include "weir/base/excerpt.h"
#include "weir/kernels/cpu_isa.h"
#include "weir/serve/served_model.h"

namespace weir::app {
namespace {

void print_settings(const Resolved& resolved, std::ostream& out) {
  size_t name_width = 0, value_width = 0;
  for (const Decided& decided : resolved.decided) {
    name_width = std::max(name_width, decided.setting->name.size());
    value_width = std::max(
        value_width, std::min<size_t>(32, shown(*decided.setting, decided.given.value).size()));
  }
  for (const Decided& decided : resolved.decided) {
    out << std::left << std::setw(static_cast<int>(name_width)) << decided.setting->name << " = "
        << std::setw(static_cast<int>(value_width)) << shown(*decided.setting, decided.given.value)
        << "  (" << decided.given.origin << ")\n";
  }
}

std::string size_text(uint64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(bytes) / (1 << 20) << " MiB";
  return text.str();
}

/// What a head's numbers are: ", 9 labels, CRF".
std::string columns_text(const folder::HeadCard& head) {
  std::string text;
  if (!head.labels.empty()) text += ", " + std::to_string(head.labels.size()) + " labels";
  return text + (head.crf ? ", CRF" : "");
}

/// A line for each head, with its task.
std::string tasks_text(const std::vector<folder::HeadCard>& heads) {
  std::string text;
  for (const folder::HeadCard& head : heads) {
    const std::string task = folder::to_string(head.task);
    text += (text.empty() ? "  tasks         " : "                ") + task;
    if (head.name != task) text += " (" + excerpt(head.name) + ")";
    text += columns_text(head) + '\n';
  }
  return text;
}

/// The lines of an encoder-decoder's two sides.
void print_sides(const serve::Encoder& encoder, const serve::TextSide& text, std::ostream& out) {
  const std::string piece = text.tokenizer->piece(encoder.decoder_start).value_or("");
  out << "  encoder       takes " << encoder.max_tokens << " tokens\n"
      << "  decoder       begins with token " << encoder.decoder_start;
  if (!piece.empty()) out << " (" << excerpt(piece) << ")";
  out << "\n";
}

/// As many labels as fit, in the order of the head's columns.
std::string labels_text(const std::vector<std::string>& labels) {
  constexpr size_t kMost = 20;
  std::string text;
  for (size_t i = 0; i < std::min(labels.size(), kMost); ++i)
    text += (i ? ", " : "") + excerpt(labels[i]);
  return text + (labels.size() > kMost ? ", ..." : "");
}

/// "sentence-transformers/all-MiniLM-L6-v2 (BertModel, 384 wide)"
std::string trunk_text(const nn::HeadAlone& head) {
  const std::string& architecture = head.trunk.architecture;
  return (head.trunk_name.empty() ? "a model" : excerpt(head.trunk_name)) + " (" +
         (architecture.empty() ? "" : excerpt(architecture) + ", ") +
         std::to_string(head.trunk.shape.hidden) + " wide)";
}

void print_model(const PlannedModel& model, const serve::TextSide& text, std::ostream& out) {
  const engine::Description& is = model.description;
  out << "model " << model.choice.name << "\n"
      << "  directory     " << model.choice.directory << "\n"
      << "  architecture  " << is.architecture << "\n"
      << tasks_text(is.heads) << "  dtype         " << is.dtype << "\n"
      << "  layers        " << is.shape.layers << "\n"
      << "  hidden        " << is.shape.hidden << "\n"
      << "  heads         " << is.shape.heads;
  if (is.shape.remembers.pages) out << ", of keys and values " << is.shape.kv_heads;
  out << "\n"
      << "  vocabulary    " << is.shape.vocabulary << "\n"
      << "  max length    " << serve::longest_input(text, is.max_model_len) << " tokens\n"
      << "  weights       " << (model.load.dummy ? "random" : size_text(is.weight_bytes)) << "\n";
  if (is.shape.remembers.window > 0)
    out << "  window        " << is.shape.remembers.window << " tokens\n";
  if (is.page_bytes > 0) {
    out << "  cache         " << is.page_bytes << " bytes a page of " << model.load.page_size
        << " tokens\n";
  }
}

Result<PlannedModel> check_model(const ModelChoice& choice, const Config& config,
                                 std::ostream& out) {
  auto model = plan_model(choice, config, engine::best_device());
  if (!model) return model.error();
  auto text = serve::load_text_side(choice.directory, tasks_of(model->description));
  if (!text) return text.error();
  auto encoder = encoder_of(choice.directory, model->description);
  if (!encoder) return encoder.error();
  const auto rows = static_cast<int32_t>(model->description.shape.vocabulary);
  const auto vocabulary = serve::fit_vocabulary(*text, rows);
  print_model(*model, *text, out);
  if (*encoder) print_sides(**encoder, *text, out);
  const auto& is = model->description;
  const auto length = warn_of_length(is.heads, serve::longest_input(*text, is.max_model_len));
  for (const auto& warnings : {vocabulary, text->notes, length, is.warnings})
    for (const std::string& warning : warnings) out << "  warning: " << warning << "\n";
  return model;
}

/// Prints each model, or what is wrong with it. Returns whether all are right.
bool check_models(const Config& config, std::ostream& out) {
  auto choices = choose_models(config);
  if (!choices) {
    out << "wrong: " << choices.error().message << "\n";
    return false;
  }
  Plans models;
  for (const std::string& line : choices->skipped) out << "wrong: " << line << "\n";
  for (const ModelChoice& choice : choices->models) {
    auto shown = check_model(choice, config, out);
    if (shown) {
      models.good.push_back(*std::move(shown));
    } else {
      out << "wrong: model " << choice.name << ": " << shown.error().message << "\n";
      models.failed.push_back({choice, std::move(shown.error())});
    }
  }
  auto rules = brownout_rules(config, models);
  if (!rules) out << "wrong: " << rules.error().message << "\n";
  if (models.good.empty()) return false;
  auto machine = print_machine(std::move(models.good), config, out);
  if (!machine) out << "wrong: " << machine.error().message << "\n";
  return rules && machine && models.failed.empty() && choices->skipped.empty();
}

/// A head's folder alone. Whether it fits a model is known only with that model.
Result<void> print_head(const std::string& folder, std::ostream& out) {
  const auto head = engine::describe_head(folder, arch::table(), engine::best_device());
  if (!head) return head.error();
  const folder::HeadCard& card = head->card;
  out << "head " << excerpt(card.name) << "\n"
      << "  directory     " << folder << "\n"
      << "  task          " << folder::to_string(card.task) << columns_text(card) << "\n"
      << "  labels        " << labels_text(card.labels) << "\n";
  if (card.task == folder::HeadTask::tag)
    out << "  reads         " << (card.by_word ? "words\n" : "tokens\n");
  if (card.max_tokens) out << "  max length    " << *card.max_tokens << " tokens\n";
  out << "  numbers       " << head->numbers << "\n"
      << "  made for      " << trunk_text(*head) << "\n"
      << "  it is given to that model: --model NAME=DIR,head=" << folder << "\n";
  return {};
}

Result<void> print_alone(const std::string& folder, const Config& config, std::ostream& out) {
  std::error_code failure;
  const std::filesystem::path path(folder);
  if (std::filesystem::exists(path / "head.json", failure) &&
      !std::filesystem::exists(path / "config.json", failure))
    return print_head(folder, out);
  auto choice = parse_model(folder, config);
  if (!choice) return choice.error();
  auto model = check_model(*choice, config, out);
  return model ? Result<void>() : Result<void>(model.error());
}

}  // namespace

int check_alone(const std::string& folder, const Config& config, std::ostream& out) {
  if (auto isa = kernels::detect_isa(); !isa) {
    out << "wrong: " << isa.error().message << "\n";
    return kFailed;
  }
  auto printed = print_alone(folder, config, out);
  if (printed) return 0;
  out << "wrong: " << printed.error().message << "\n";
  return kFailed;
}

int check(const Resolved& resolved, std::ostream& out) {
  print_settings(resolved, out);
  for (const std::string& name : resolved.misspelt) out << about_unknown(name) << "\n";
  out << "\n";
  bool good = true;
  if (auto keys = open_keys(resolved.config); !keys) {
    out << "wrong: " << keys.error().message << "\n";
    good = false;
  }
  if (auto isa = kernels::detect_isa(); !isa) {
    out << "wrong: " << isa.error().message << "\n";
    return kFailed;
  }
  good = check_models(resolved.config, out) && good;
  return good ? 0 : kFailed;
}

}  // namespace weir::app
