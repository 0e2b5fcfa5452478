// What config.json says is asked of what will compute it, alike by describe() and load().
#include <gmock/gmock.h>

#include "engine/folder_copy.h"

namespace weir::engine::test {
namespace {

using testing::HasSubstr;

struct Refused {
  std::string folder, patch, why;
};

std::ostream& operator<<(std::ostream& out, const Refused& tested) {
  return out << tested.folder << " " << tested.patch;
}

class RefusedConfig : public testing::TestWithParam<Refused> {};

TEST_P(RefusedConfig, ByFieldAndValueAtDescribeAndLoad) {
  FolderCopy folder(GetParam().folder);
  folder.patch("config.json", GetParam().patch);
  EXPECT_THAT(folder.verdict(), HasSubstr(GetParam().why));
}

const std::string kLlama = "llama-gqa-tied", kOldLlama = "llama-linear-rope",
                  kQwen = "qwen3-head-norms", kQwenWindow = "qwen2-window",
                  kPhi = "phi3-part-window", kYarn = "llama-yarn-fields", kBert = "bert-mean",
                  kRoberta = "roberta-mean";

INSTANTIATE_TEST_SUITE_P(
    Heads, RefusedConfig,
    testing::Values(
        Refused{kLlama, R"({"head_dim":258})",
                "head_dim is 258; even numbers from 2 to 256 are computed"},
        Refused{kLlama, R"({"head_dim":7})",
                "head_dim is 7; even numbers from 2 to 256 are computed"},
        Refused{kLlama, R"({"head_dim":0})", "head_dim is 0; even"},
        Refused{kQwen, R"({"head_dim":512})", "head_dim is 512; even"},
        Refused{kOldLlama, R"({"hidden_size":30,"num_attention_heads":2,"num_key_value_heads":2})",
                "hidden_size / num_attention_heads is 15; even"},
        Refused{kBert, R"({"hidden_size":516,"num_attention_heads":2})",
                "hidden_size / num_attention_heads is 258; numbers from 1 to 256 are computed"},
        Refused{kLlama, R"({"num_key_value_heads":3})",
                "num_attention_heads 4 is not a multiple of num_key_value_heads 3"},
        Refused{kLlama, R"({"num_key_value_heads":4})", "self_attn.k_proj.weight has the shape"}));

INSTANTIATE_TEST_SUITE_P(
    Sizes, RefusedConfig,
    testing::Values(
        Refused{kLlama, R"({"num_hidden_layers":0})", "num_hidden_layers is 0; 1 to 2147483647 is"},
        Refused{kLlama, R"({"num_hidden_layers":-1})", "num_hidden_layers is -1; 1 to"},
        Refused{kLlama, R"({"num_hidden_layers":9000000000})", "num_hidden_layers is 9000000000; "},
        Refused{kLlama, R"({"num_hidden_layers":18446744073709551615})",
                "num_hidden_layers is 18446744073709551615, not an integer of 64 bits"},
        Refused{kLlama, R"({"max_position_embeddings":-1})", "max_position_embeddings is -1; 1"},
        Refused{kLlama, R"({"intermediate_size":-88})", "intermediate_size is -88; 1"},
        Refused{kLlama, R"({"hidden_size":0})", "hidden_size is 0; 1"},
        Refused{kBert, R"({"type_vocab_size":0})", "type_vocab_size is 0; 1"},
        Refused{kBert, R"({"max_position_embeddings":40000000})",
                "position_embeddings.weight has the shape (64, 32); config.json says (40000000,"},
        Refused{kRoberta, R"({"max_position_embeddings":2})",
                "max_position_embeddings is 2; the first 2 positions are no token's, so 3 or more"},
        Refused{"mpnet-mean", R"({"max_position_embeddings":1})",
                "max_position_embeddings is 1; the first 2 positions"},
        Refused{"mpnet-mean", R"({"relative_attention_num_buckets":16})",
                "relative_attention_num_buckets is 16; only 32 is supported"},
        Refused{kRoberta, R"({"max_position_embeddings":67})",
                "position_embeddings.weight has the shape (66, 32); config.json says (67, 32)"},
        Refused{"distilbert-mean", R"({"n_heads":5})", "dim 32 is not a multiple of n_heads 5"},
        Refused{"distilbert-sinusoidal", R"({"max_position_embeddings":65537})",
                "max_position_embeddings is 65537; without a table of them in the checkpoint 1 to "
                "65536 positions are computed"},
        Refused{"distilbert-mean", R"({"hidden_dim":0})", "hidden_dim is 0; 1 to"},
        Refused{"distilbert-mean", R"({"activation":"mish"})", "activation \"mish\" is not"},
        Refused{kRoberta, R"({"pad_token_id":-1})",
                "pad_token_id is -1; 0 to vocab_size - 1 = 383 is possible"},
        Refused{kRoberta, R"({"pad_token_id":384})", "pad_token_id is 384; 0 to vocab_size"},
        Refused{kBert, R"({"vocab_size":2147483647})", "word_embeddings.weight has the shape"},
        Refused{kLlama,
                R"({"num_hidden_layers":2147483647,"num_attention_heads":2147483647,
                    "num_key_value_heads":2147483647,"head_dim":256})",
                "a page of its layers, heads and head_dim is larger than any memory"}));

INSTANTIATE_TEST_SUITE_P(
    Numbers, RefusedConfig,
    testing::Values(
        Refused{kOldLlama, R"({"rope_theta":0})",
                "rope_theta is 0; more than 0 and at most 3.4e+38 is possible"},
        Refused{kOldLlama, R"({"rope_theta":-10000.0})", "rope_theta is -10000.0; more than 0"},
        Refused{kLlama, R"({"rms_norm_eps":"0.02"})", "rms_norm_eps is \"0.02\", not a number"},
        Refused{kLlama, R"({"rms_norm_eps":-1e-5})", "rms_norm_eps is -1e-05; 0 to 3.4e+38 is"},
        Refused{kBert, R"({"layer_norm_eps":1e300})", "layer_norm_eps is 1e+300; 0 to 3.4e+38 is"},
        Refused{kOldLlama, R"({"rope_theta":1e-300})",
                "rope_theta 1e-300 with rope_type \"linear\", factor 2.0: the angle of position "},
        Refused{
            kLlama, R"({"rope_parameters":{"rope_type":"default","rope_theta":1e-300}})",
            "rope_theta 1e-300 with rope_type \"default\", factor 1.0: the angle of position "}));

INSTANTIATE_TEST_SUITE_P(
    Windows, RefusedConfig,
    testing::Values(
        Refused{kQwenWindow, R"({"sliding_window":0})", "sliding_window is 0; 1 to"},
        Refused{kQwenWindow, R"({"use_sliding_window":1})", "use_sliding_window is 1, not true or"},
        Refused{kQwenWindow, R"({"use_sliding_window":false})",
                "layer_types is \"sliding_attention\" and there is no window"},
        Refused{kQwenWindow, R"({"layer_types":["full_attention","sliding_attention"]})",
                "layer_types[1] is \"sliding_attention\" and layer_types[0] is \"full_attention\""},
        Refused{kQwenWindow, R"({"layer_types":["linear_attention","linear_attention"]})",
                "layer_types[0] is \"linear_attention\"; full_attention and sliding_attention are"},
        Refused{kQwenWindow, R"({"layer_types":["sliding_attention"]})",
                "layer_types names 1 layers; num_hidden_layers is 2"},
        Refused{kQwenWindow, R"({"layer_types":null,"max_window_layers":1})",
                "max_window_layers is 1 of 2 layers: a window in some layers is not supported"},
        Refused{kQwen, R"({"layer_types":null,"use_sliding_window":true,"sliding_window":8,
                          "max_window_layers":1})",
                "max_window_layers is 1 of 2 layers"}));

INSTANTIATE_TEST_SUITE_P(
    RotatedInPart, RefusedConfig,
    testing::Values(
        Refused{kPhi, R"({"rope_parameters":{"partial_rotary_factor":0}})",
                "partial_rotary_factor is 0; more than 0"},
        Refused{
            kPhi, R"({"rope_parameters":{"partial_rotary_factor":1.5}})",
            "partial_rotary_factor is 1.5 of heads of 16 numbers; an even number from 2 to 16 is"},
        Refused{kPhi, R"({"rope_parameters":{"partial_rotary_factor":0.2}})",
                "partial_rotary_factor is 0.2 of heads of 16 numbers; an even"},
        Refused{kPhi, R"({"rope_parameters":{"partial_rotary_factor":"x"}})",
                "partial_rotary_factor is \"x\", not a number"},
        Refused{kPhi, R"({"rope_parameters":{"rope_type":"longrope","short_factor":[1,1]}})",
                "rope_type \"longrope\" is not supported (default)"},
        Refused{kPhi, R"({"rope_parameters":null,"rope_scaling":{"type":"su"}})",
                "rope_type \"su\" is not supported (default)"},
        Refused{kPhi, R"({"rope_parameters":{"rope_type":"linear","factor":2}})",
                "rope_type \"linear\" is not supported (default)"},
        Refused{kPhi, R"({"intermediate_size":41})", "mlp.gate_up_proj.weight has the shape"},
        Refused{kPhi, R"({"num_key_value_heads":1})", "self_attn.qkv_proj.weight has the shape"},
        Refused{kLlama, R"({"rope_parameters":{"partial_rotary_factor":0.5}})",
                "rope_parameters.partial_rotary_factor is 0.5: heads that are rotated in part"},
        Refused{kOldLlama, R"({"rope_scaling":{"partial_rotary_factor":0.5}})",
                "rope_scaling.partial_rotary_factor is 0.5: heads that are rotated in part"}));

INSTANTIATE_TEST_SUITE_P(
    Yarn, RefusedConfig,
    testing::Values(
        Refused{kYarn, R"({"rope_parameters":{"factor":null}})",
                "factor is missing; rope_type \"yarn\" needs it"},
        Refused{kYarn, R"({"rope_parameters":{"factor":1e30}})",
                "original_max_position_embeddings 48.0 times rope's factor 1e+30 is no length"},
        Refused{kYarn, R"({"rope_parameters":{"original_max_position_embeddings":0}})",
                "original_max_position_embeddings is 0; more than 0"},
        Refused{kYarn, R"({"rope_parameters":{"rope_theta":1}})",
                "rope_theta is 1; rope_type \"yarn\" takes its logarithm"},
        Refused{kYarn, R"({"rope_parameters":{"beta_fast":-1}})", "beta_fast is -1; 0 to"},
        Refused{kYarn, R"({"rope_parameters":{"beta_slow":"x"}})", "beta_slow is \"x\", not a"},
        Refused{kYarn, R"({"rope_parameters":{"mscale":-1}})", "mscale is -1; 0 to"},
        Refused{kYarn, R"({"rope_parameters":{"attention_factor":0}})",
                "attention_factor is 0; more than 0"},
        Refused{kYarn, R"({"rope_parameters":{"truncate":1}})", "truncate is 1, not true or"}));

TEST(Windows, OfQwenAreSaidInOneOfTwoWays) {
  FolderCopy folder(kQwenWindow);
  const auto window = [&](const char* patch) -> int64_t {
    folder.patch("config.json", patch);
    const auto described = describe({.directory = folder.path()}, arch::table(), DeviceKind::cpu);
    return described ? described->shape.remembers.window : -1;
  };
  EXPECT_EQ(window("{}"), 11);
  EXPECT_EQ(window(R"({"layer_types":null})"), 11);
  EXPECT_EQ(window(R"({"max_window_layers":2})"), 0);
  EXPECT_EQ(window(R"({"layer_types":["full_attention","full_attention"]})"), 0);
  EXPECT_EQ(window(R"({"layer_types":null,"max_window_layers":0,"use_sliding_window":false})"), 0);
  EXPECT_EQ(window(R"({"use_sliding_window":true,"sliding_window":null})"), 4096) << "not there";
}

TEST(MissingTensor, IsNamedAsTheOthersOfItsFolderAre) {
  const auto verdict = [](const std::string& name, const std::string& without) {
    FolderCopy folder(name);
    folder.rename_tensor(without, "elsewhere");
    return folder.verdict();
  };
  EXPECT_THAT(verdict(kLlama, "model.embed_tokens.weight"),
              HasSubstr("the checkpoint has no tensor model.embed_tokens.weight"));
  EXPECT_THAT(verdict(kQwenWindow, "model.layers.0.self_attn.k_proj.bias"),
              HasSubstr("the checkpoint has no tensor model.layers.0.self_attn.k_proj.bias"));
  EXPECT_THAT(verdict(kBert, "embeddings.word_embeddings.weight"),
              HasSubstr("the checkpoint has no tensor embeddings.word_embeddings.weight"));
}

INSTANTIATE_TEST_SUITE_P(
    WhatOnlyBuildingAsks, RefusedConfig,
    testing::Values(Refused{kOldLlama, R"({"rope_scaling":{"type":"longrope"}})",
                            "rope_type \"longrope\" is not supported (default, linear, llama3, "
                            "yarn)"},
                    Refused{kOldLlama, R"({"rope_scaling":{"type":"dynamic"}})",
                            "rope_type \"dynamic\" is not"},
                    Refused{"llama-llama3-rope", R"({"rope_parameters":{"low_freq_factor":4}})",
                            "low_freq_factor and high_freq_factor are equal"},
                    Refused{"t5-tied-gated", R"({"tie_word_embeddings":false})",
                            "the checkpoint has no tensor lm_head.weight"},
                    Refused{kLlama, R"({"num_hidden_layers":3})",
                            "the checkpoint has no tensor model.layers.2."},
                    Refused{kBert, R"({"hidden_act":"quick_gelu"})",
                            "hidden_act \"quick_gelu\" is not supported"}));

TEST(RefusedModules, PoolingsAndModulesAtDescribeAndLoad) {
  FolderCopy folder(kBert);
  folder.write("modules.json", R"([{"type":"sentence_transformers.models.LSTM","path":"1"}])");
  EXPECT_THAT(folder.verdict(), HasSubstr("LSTM is not supported"));
  folder.write("modules.json", R"({"type":"x"})");
  EXPECT_THAT(folder.verdict(), HasSubstr("modules.json is not a JSON array"));
}

/// Positions are no table of the file: only as many are computed as the cache holds.
TEST(LongContext, AsMuchOfItAsTheCacheHolds) {
  FolderCopy folder(kLlama);
  folder.patch("config.json", R"({"max_position_embeddings":2000000000})");
  Progress progress;
  auto loaded =
      load({.directory = folder.path(), .cache_bytes = 1 << 20}, arch::table(), cpu(), progress);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->description.max_model_len, loaded->runner->spec().pages * 16);
  EXPECT_EQ(loaded->runner->spec().vocabulary, 288U);
}

TEST(Goldens, EveryFolderIsTaken) {
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden/tiny")) {
    const std::string name = entry.path().filename();
    EXPECT_EQ(FolderCopy(name).verdict(), "accepted") << name;
  }
}

}  // namespace
}  // namespace weir::engine::test
