#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "weir/arch/table.h"
#include "weir/engine/load.h"

namespace weir::engine::test {

/// A folder with a config.json of its own, gone with the test.
class ModelFolder {
 public:
  explicit ModelFolder(const std::string& config) {
    std::string name = (std::filesystem::temp_directory_path() / "weir-model-XXXXXX").string();
    if (!::mkdtemp(name.data())) std::abort();
    path_ = name;
    std::ofstream(path_ / "config.json") << config;
  }
  ~ModelFolder() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline const char* kTinyLlama =
    R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 96,
  "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 211,
  "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu"})";

inline const char* kTinyBert =
    R"({"architectures": ["BertModel"], "hidden_size": 48, "intermediate_size": 96,
  "num_hidden_layers": 2, "num_attention_heads": 3, "vocab_size": 101, "type_vocab_size": 2,
  "max_position_embeddings": 64, "hidden_act": "gelu"})";

/// A CPU device entered by this thread: thread-local state of torch is set once and kept.
inline Device& cpu() {
  static std::unique_ptr<Device> device = [] {
    auto opened = Device::open({.kind = DeviceKind::cpu, .threads = 2});
    if (!opened) std::abort();
    (*opened)->enter();
    return std::move(*opened);
  }();
  return *device;
}

inline std::unique_ptr<schedule::Runner> load_runner(const LoadOptions& options) {
  Progress progress;
  auto loaded = load(options, arch::table(), cpu(), progress);
  if (!loaded) {
    ADD_FAILURE() << loaded.error().message;
    return nullptr;
  }
  return std::move(loaded->runner);
}

/// The one line of the one head that was read.
inline const std::vector<float>& vector_of(const work::Output& output) {
  const work::Numbers& numbers = std::get<work::Readings>(output).heads.at(0);
  EXPECT_EQ(numbers.lines(), 1U);
  return numbers.values;
}

/// Runs rows by hand: one sequence after another, pages given in order.
struct HandRow {
  std::vector<int32_t> tokens;
  uint32_t first = 0;
  std::vector<schedule::PageId> pages;
  work::TaskParams params;
  uint32_t drawn = 0;
  bool wants_output = true;
  uint32_t drafts = 0;
  std::vector<int32_t> text = {};  // before the first draw
  uint32_t prompt_tokens = 0;
  std::vector<int32_t> scored = {};
  uint32_t score_from = 0;
  std::vector<uint8_t> types = {};   // of all of `tokens`, or none
  std::vector<int32_t> source = {};  // encoded by the row with `first` 0
  std::vector<schedule::PageId> source_pages = {};
  schedule::SlotId slot = -1;
};

inline std::vector<work::Output> run(schedule::Runner& runner, const std::vector<HandRow>& rows) {
  schedule::StepPlan plan;
  for (const HandRow& row : rows) {
    schedule::Row planned;
    planned.id = plan.rows.size();
    planned.tokens = row.tokens;
    planned.first = row.first;
    planned.drawn = row.drawn;
    planned.pages = row.pages;
    planned.params = &row.params;
    planned.wants_output = row.wants_output;
    planned.drafts = row.drafts;
    planned.text = row.text;
    planned.prompt_tokens = row.prompt_tokens;
    planned.scored = row.scored;
    planned.score_from = row.score_from;
    planned.types = row.types;
    if (row.first == 0) planned.source = row.source;
    planned.source_tokens = static_cast<uint32_t>(row.source.size());
    planned.source_pages = row.source_pages;
    planned.slot = row.slot;
    plan.tokens += static_cast<uint32_t>(row.tokens.size());
    plan.rows.push_back(planned);
  }
  auto launched = runner.launch(plan);
  if (!launched) {
    ADD_FAILURE() << launched.error().message;
    return {};
  }
  auto outputs = runner.collect();
  if (!outputs) {
    ADD_FAILURE() << outputs.error().message;
    return {};
  }
  return std::move(*outputs);
}

}  // namespace weir::engine::test
