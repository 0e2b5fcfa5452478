// Every architecture, over the tiny checkpoints that the reference made of it.
#include "weir/arch/table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace weir::arch {
namespace {

namespace fs = std::filesystem;

const fs::path kTiny = "tests/golden/tiny";

const nn::Architecture* find(const std::string& name) {
  for (const nn::Architecture& each : table())
    if (each.name == name || std::ranges::count(each.other_names, name)) return &each;
  return nullptr;
}

struct Checkpoint {
  std::string folder;
  nn::ConfigFile config;
  const nn::Architecture* architecture;
};

std::vector<Checkpoint> checkpoints() {
  std::vector<Checkpoint> all;
  for (const auto& entry : fs::directory_iterator(kTiny)) {
    auto config = nn::ConfigFile::read((entry.path() / "config.json").string());
    const auto* architecture = find(config.texts("architectures").at(0));
    all.push_back({entry.path().string(), std::move(config), architecture});
  }
  return all;
}

TEST(Table, EveryNameAndModelTypeIsOneArchitectures) {
  std::set<std::string> names, types;
  for (const nn::Architecture& each : table()) {
    EXPECT_TRUE(names.insert(each.name).second) << each.name;
    EXPECT_TRUE(types.insert(each.model_type).second) << each.model_type;
    for (const std::string& other : each.other_names)
      EXPECT_TRUE(names.insert(other).second) << other;
  }
}

TEST(Table, EveryArchitectureHasACheckpoint) {
  std::set<std::string> seen;
  for (const Checkpoint& each : checkpoints()) {
    ASSERT_TRUE(each.architecture) << each.folder;
    seen.insert(each.architecture->name);
  }
  for (const nn::Architecture& each : table()) EXPECT_TRUE(seen.contains(each.name)) << each.name;
}

// A shape without numbers: what it asks of the weights is what computing it asks.
TEST(Table, EveryTensorOfACheckpointIsReadAndNoOtherIsAskedFor) {
  const auto backend = nn::make_shape_backend();
  for (const Checkpoint& each : checkpoints()) {
    ASSERT_TRUE(each.architecture) << each.folder;
    const auto weights = nn::open_safetensors(each.folder, nn::Numbers::left_out, {});
    const nn::Model model = each.architecture->build(
        nn::Builder({each.folder, each.config, *weights, *backend, at::kFloat, 0}));
    for (const std::string& name : weights->unused())
      EXPECT_TRUE(std::ranges::any_of(
          each.architecture->unread,
          [&](const std::string& part) { return name.find(part) != std::string::npos; }))
          << each.folder << ": " << name;
    EXPECT_FALSE(model.heads.empty()) << each.folder;
  }
}

TEST(Table, AShapeSaysWhatASequenceRemembers) {
  for (const Checkpoint& each : checkpoints()) {
    const nn::Shape shape = each.architecture->describe(each.config);
    const std::string& name = each.architecture->name;
    EXPECT_EQ(shape.remembers.source, name == "T5ForConditionalGeneration") << name;
    EXPECT_EQ(shape.remembers.slot > 0, name == "GruForCausalLM") << name;
    EXPECT_EQ(shape.remembers.pages, shape.generates && shape.remembers.slot == 0) << name;
    EXPECT_EQ(shape.remembers.window > 0, each.folder.ends_with("-window")) << each.folder;
    EXPECT_EQ(shape.max_source > 0, shape.remembers.source) << name;
  }
}

// As MistralConfig has it: 4,096 where nothing is said, no window where the field is null.
TEST(Mistral, HasAWindowUnlessItsConfigSaysNull) {
  const auto window = [](const nlohmann::json& more) {
    nlohmann::json config = nlohmann::json::parse(R"({"num_hidden_layers": 1, "hidden_size": 32,
        "vocab_size": 80, "num_attention_heads": 2, "max_position_embeddings": 64})");
    config.update(more);
    return find("MistralForCausalLM")
        ->describe(nn::ConfigFile("config.json", config))
        .remembers.window;
  };
  EXPECT_EQ(window(nlohmann::json::object()), 4096);
  EXPECT_EQ(window({{"sliding_window", nullptr}}), 0);
  EXPECT_EQ(window({{"sliding_window", 8}}), 8);
  EXPECT_THROW(window({{"sliding_window", 0}}), nn::LoadError);
}

}  // namespace
}  // namespace weir::arch
