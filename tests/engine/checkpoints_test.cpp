// Model folders as they are found: other names of architectures and tensors, files of several
// places, fields that say nothing. What they answer is what the plain folder answers.
#include <gmock/gmock.h>

#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>

#include "engine/tiny_model.h"

namespace weir::engine::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A copy of a folder of tests/golden/tiny, to be changed.
class Checkpoint {
 public:
  explicit Checkpoint(const std::string& name) {
    std::string made = (fs::temp_directory_path() / "weir-checkpoint-XXXXXX").string();
    if (!::mkdtemp(made.data())) std::abort();
    path_ = made;
    fs::copy("tests/golden/tiny/" + name, path_, fs::copy_options::recursive);
  }
  ~Checkpoint() { fs::remove_all(path_); }

  std::string path() const { return path_.string(); }

  void edit_config(const std::function<void(json&)>& edit) {
    json config = json::parse(bytes_of(path_ / "config.json"));
    edit(config);
    std::ofstream(path_ / "config.json") << config;
  }

  void rename_tensors(const std::function<std::string(const std::string&)>& rename) {
    const std::string old = bytes_of(path_ / "model.safetensors");
    uint64_t size = 0;
    std::memcpy(&size, old.data(), sizeof size);
    const json given = json::parse(old.substr(8, size));
    json header;
    for (const auto& [name, value] : given.items())
      header[name == "__metadata__" ? name : rename(name)] = value;
    const std::string text = header.dump();
    const uint64_t length = text.size();
    std::ofstream file(path_ / "model.safetensors", std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), sizeof length);
    file << text << old.substr(8 + size);
  }

  void move(const std::vector<std::string>& names, const std::string& folder) {
    fs::create_directories(path_ / folder);
    for (const std::string& name : names) fs::rename(path_ / name, path_ / folder / name);
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(path_ / name) << text;
  }

 private:
  fs::path path_;
};

Result<LoadedModel> load_folder(const std::string& folder) {
  Progress progress;
  return load({.directory = folder, .dtype = DType::float32, .pages = 16}, arch::table(), cpu(),
              progress);
}

/// The first greedy tokens, or the vector, of a prompt.
work::Output answer(const std::string& folder) {
  auto loaded = load_folder(folder);
  if (!loaded) {
    ADD_FAILURE() << loaded.error().message;
    return {};
  }
  const bool generates = loaded->description.shape.generates;
  HandRow row{.tokens = {2, 40, 17, 59, 70, 3}};
  if (generates) row.pages = {0};
  row.params = generates ? work::TaskParams(work::SamplingParams{.temperature = 0})
                         : work::TaskParams(work::Reads{work::Read{}});
  return run(*loaded->runner, {row}).at(0);
}

void expect_same(const work::Output& a, const work::Output& b) {
  ASSERT_EQ(a.index(), b.index());
  if (const auto* token = std::get_if<work::Token>(&a)) {
    EXPECT_EQ(token->id, std::get<work::Token>(b).id);
  }
  if (std::holds_alternative<work::Readings>(a)) {
    EXPECT_EQ(vector_of(a), vector_of(b));
  }
}

const std::string kLlama = "llama-gqa-tied", kBert = "bert-cls-normalize";

TEST(Checkpoints, AreCalledByOtherNames) {
  Checkpoint llama(kLlama), bert(kBert);
  const work::Output token = answer(llama.path()), vector = answer(bert.path());
  for (const json& names : {json{"LLaMAForCausalLM"}, json(nullptr)}) {
    llama.edit_config([&](json& config) { config["architectures"] = names; });
    expect_same(answer(llama.path()), token);
  }
  for (const json& names : {json{"BertForMaskedLM"}, json{"BertForPreTraining"},
                            json{"BertForSequenceClassification"}, json(nullptr)}) {
    bert.edit_config([&](json& config) { config["architectures"] = names; });
    expect_same(answer(bert.path()), vector);
  }
  Checkpoint roberta("roberta-mean");
  const work::Output other = answer(roberta.path());
  for (const json& names : {json{"RobertaForQuestionAnswering"}, json{"XLMRobertaModel"},
                            json{"RobertaForTokenClassification"}, json(nullptr)}) {
    roberta.edit_config([&](json& config) { config["architectures"] = names; });
    expect_same(answer(roberta.path()), other);
  }
  llama.edit_config([&](json& config) { config["model_type"] = "mamba"; });
  auto refused = load_folder(llama.path());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("architecture of model_type mamba is not"));
}

TEST(Checkpoints, NameTheirTensorsOtherwise) {
  Checkpoint llama(kLlama), bert(kBert);
  const work::Output token = answer(llama.path()), vector = answer(bert.path());
  llama.rename_tensors([](const std::string& name) { return name.substr(strlen("model.")); });
  expect_same(answer(llama.path()), token);
  bert.rename_tensors([](const std::string& name) {
    std::string old = "bert." + name;
    const size_t norm = old.find("LayerNorm.");
    if (norm == std::string::npos) return old;
    return old.substr(0, norm) + (old.ends_with("bias") ? "LayerNorm.beta" : "LayerNorm.gamma");
  });
  expect_same(answer(bert.path()), vector);
}

TEST(Checkpoints, LieInTheFolderOfTheirModule) {
  Checkpoint bert(kBert);
  const work::Output vector = answer(bert.path());
  bert.move({"config.json", "model.safetensors", "tokenizer.json"}, "0_Transformer");
  std::string modules = bytes_of(bert.path() + "/modules.json");
  const std::string old = R"("path": "")";
  modules.replace(modules.find(old), old.size(), R"("path": "0_Transformer")");
  bert.write("modules.json", modules);
  expect_same(answer(bert.path()), vector);
}

TEST(Checkpoints, FieldsThatNobodyReadsAreTold) {
  Checkpoint llama(kLlama);
  auto plain = load_folder(llama.path());
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_THAT(plain->description.warnings, IsEmpty());
  llama.edit_config([](json& config) {
    config["surprise"] = 1;
    config["rope_parameters"]["odd"] = 2;
    config["repetition_penalty"] = 1.2;
    config["_private"] = 3;
  });
  auto loaded = load_folder(llama.path());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->description.warnings,
              ElementsAre("config.json: repetition_penalty is 1.2: not applied to sampling",
                          "config.json: not known and not read: rope_parameters.odd, surprise"));
}

TEST(Checkpoints, FieldsOfModulesThatNobodyReadsAreTold) {
  const Checkpoint bert("bert-mean");
  json pooling = json::parse(bytes_of(bert.path() + "/1_Pooling/config.json"));
  pooling["surprise"] = 1;
  std::ofstream(bert.path() + "/1_Pooling/config.json") << pooling;
  auto loaded = load_folder(bert.path());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->description.warnings,
              ElementsAre("1_Pooling/config.json: not known and not read: surprise"));
}

/// What describe() says of tiny folders with one field set.
std::string refusal(const std::string& name, const std::function<void(json&)>& edit) {
  Checkpoint checkpoint(name);
  checkpoint.edit_config(edit);
  auto described = describe({.directory = checkpoint.path()}, arch::table(), DeviceKind::cpu);
  return described ? "accepted" : described.error().message;
}

TEST(Checkpoints, AFieldIsRefusedOnlyAtAValueThatChangesAnAnswer) {
  const auto set = [](const char* field, json value) {
    return [field, value](json& config) { config[field] = value; };
  };
  EXPECT_THAT(refusal(kLlama, set("quantization_config", {{"bits", 4}})),
              HasSubstr("quantization_config is {\"bits\":4}: quantized checkpoints"));
  EXPECT_THAT(refusal(kLlama, set("partial_rotary_factor", 0.5)),
              HasSubstr("partial_rotary_factor"));
  EXPECT_EQ(refusal(kLlama, set("partial_rotary_factor", 1)), "accepted");
  EXPECT_THAT(refusal(kLlama, set("layer_types", {"full_attention", "sliding_attention"})),
              HasSubstr("layer_types is"));
  EXPECT_EQ(refusal(kLlama, set("layer_types", {"full_attention", "full_attention"})), "accepted");
  EXPECT_THAT(refusal("qwen2-window", set("sliding_window", nullptr)),
              HasSubstr("layer_types is \"sliding_attention\" and there is no window"));
  EXPECT_THAT(refusal(kBert, set("is_decoder", true)), HasSubstr("is_decoder is true"));
  EXPECT_EQ(refusal(kBert, set("is_decoder", nullptr)), "accepted");
  EXPECT_EQ(refusal(kBert, set("pruned_heads", json::object())), "accepted");
}

TEST(Checkpoints, LinearRopeReachesAsManyTimesFarther) {
  Checkpoint linear("llama-linear-rope");
  auto described = describe({.directory = linear.path()}, arch::table(), DeviceKind::cpu);
  ASSERT_TRUE(described) << described.error().message;
  EXPECT_EQ(described->max_model_len, 512u);
  for (const double factor : {1e30, 1e-30}) {
    linear.edit_config([&](json& config) { config["rope_scaling"]["factor"] = factor; });
    described = describe({.directory = linear.path()}, arch::table(), DeviceKind::cpu);
    ASSERT_FALSE(described);
    EXPECT_THAT(described.error().message, HasSubstr("is no length"));
  }
}

TEST(Checkpoints, YarnReachesAsManyTimesFartherThanItsOriginal) {
  Checkpoint yarn("llama-yarn");
  const auto longest = [&]() -> uint32_t {
    auto described = describe({.directory = yarn.path()}, arch::table(), DeviceKind::cpu);
    return described ? described->max_model_len : 0;
  };
  EXPECT_EQ(longest(), 4 * 32U);
  yarn.edit_config([](json& config) { config["original_max_position_embeddings"] = 40; });
  EXPECT_EQ(longest(), 4 * 40U);
  yarn.edit_config([](json& config) {
    config.erase("original_max_position_embeddings");
    config["rope_parameters"].erase("original_max_position_embeddings");
  });
  EXPECT_EQ(longest(), 4 * 128U);
}

TEST(Checkpoints, YarnIsSaidInTheOldSpelling) {
  Checkpoint yarn("llama-yarn-fields");
  const work::Output token = answer(yarn.path());
  yarn.edit_config([](json& config) {
    json parameters = config["rope_parameters"];
    config.erase("rope_parameters");
    config["rope_theta"] = parameters["rope_theta"];
    parameters["type"] = parameters["rope_type"];
    parameters.erase("rope_type");
    parameters.erase("rope_theta");
    config["rope_scaling"] = parameters;
  });
  expect_same(answer(yarn.path()), token);
}

TEST(Checkpoints, TheRotatedPartIsSaidInEitherSpelling) {
  Checkpoint phi("phi3-part-window");
  const work::Output token = answer(phi.path());
  const auto spell = [&](const json& parameters, const json& factor) {
    phi.edit_config([&](json& config) {
      config["rope_parameters"] = parameters;
      config["partial_rotary_factor"] = factor;
    });
  };
  spell(nullptr, 0.75);
  expect_same(answer(phi.path()), token);
  spell({{"rope_type", "default"}, {"partial_rotary_factor", 0.75}}, 0.5);
  expect_same(answer(phi.path()), token);
}

TEST(Checkpoints, RopeNeedsTheFieldsOfItsType) {
  const auto without = [](const char* name, const char* object, const char* field) {
    return refusal(name, [&](json& config) { config[object].erase(field); });
  };
  for (const char* field : {"factor", "low_freq_factor", "high_freq_factor"})
    EXPECT_THAT(without("llama-llama3-rope", "rope_parameters", field),
                HasSubstr(std::string(field) + " is missing; rope_type \"llama3\" needs it"));
  EXPECT_EQ(without("llama-llama3-rope", "rope_parameters", "original_max_position_embeddings"),
            "accepted");
  EXPECT_THAT(without("llama-linear-rope", "rope_scaling", "factor"),
              HasSubstr("factor is missing; rope_type \"linear\" needs it"));
}

}  // namespace
}  // namespace weir::engine::test
