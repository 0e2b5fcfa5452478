// What lies in a model folder besides good files, and what becomes of files while they are served.
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "engine/folder_copy.h"
#include "nn/not_finite.h"

namespace weir::engine::test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kWeights = "model.safetensors";

/// A safetensors file taken apart, to be changed and written again.
struct Checkpoint {
  json header;
  std::string data;

  explicit Checkpoint(const std::string& bytes) {
    uint64_t size = 0;
    std::memcpy(&size, bytes.data(), sizeof size);
    header = json::parse(bytes.substr(sizeof size, size));
    data = bytes.substr(sizeof size + size);
  }
  std::string bytes() const {
    const std::string text = header.dump();
    const uint64_t size = text.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof size) + text + data;
  }
  void add(const std::string& name, const std::string& dtype, const std::string& more) {
    header[name] = {{"dtype", dtype},
                    {"shape", {more.size() / (dtype == "I64" ? 8 : 4)}},
                    {"data_offsets", {data.size(), data.size() + more.size()}}};
    data += more;
  }
};

std::vector<std::string> warnings(const FolderCopy& folder) {
  auto described = describe({.directory = folder.path()}, arch::table(), DeviceKind::cpu);
  EXPECT_TRUE(described) << described.error().message;
  return described ? described->warnings : std::vector<std::string>{};
}

TEST(ModelFiles, TheMessageSaysWhatTheFileIs) {
  FolderCopy folder("bert-mean");
  const std::string whole = folder.read(kWeights);
  folder.write(kWeights, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
  EXPECT_THAT(folder.verdict(), HasSubstr("model.safetensors is a git-lfs pointer"));
  folder.write(kWeights, "");
  EXPECT_THAT(folder.verdict(), HasSubstr("model.safetensors is empty"));
  folder.write(kWeights, whole.substr(0, whole.size() / 2));
  EXPECT_THAT(folder.verdict(), HasSubstr("data_offsets do not fit its shape and the file"));
  std::filesystem::remove(folder / kWeights);
  folder.write("pytorch_model.bin", "x");
  EXPECT_THAT(folder.verdict(), HasSubstr("has no model.safetensors and no "
                                          "model.safetensors.index.json, and nothing else is "
                                          "read; it has pytorch_model.bin"));
  std::filesystem::create_symlink("../blobs/gone", folder / kWeights);
  EXPECT_THAT(folder.verdict(), HasSubstr("is a link to ../blobs/gone, which is not there"));
}

TEST(ModelFiles, OnlyRegularFilesAreRead) {
  for (const char* name : {kWeights, "1_Pooling/config.json"}) {
    FolderCopy folder("bert-mean");
    std::filesystem::remove(folder / name);
    ASSERT_EQ(::mkfifo((folder / name).c_str(), 0600), 0);
    EXPECT_THAT(folder.verdict(), HasSubstr(std::string(name) + " is a pipe, not a regular file"));
    std::filesystem::remove(folder / name);
    std::filesystem::create_symlink("/dev/zero", folder / name);
    EXPECT_THAT(folder.verdict(), HasSubstr(std::string(name) + " is a device, not a regular"));
  }
}

TEST(ModelFiles, DepthOfJsonIsBounded) {
  FolderCopy folder("bert-mean");
  const std::string deep = "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  folder.write("1_Pooling/config.json", deep);
  EXPECT_THAT(folder.verdict(), HasSubstr("config.json is nested deeper than 256 levels"));
  folder.write("config.json", deep);
  EXPECT_THAT(folder.verdict(), HasSubstr("config.json is nested deeper than 256 levels"));
  FolderCopy other("bert-mean");
  const uint64_t size = deep.size();
  other.write(kWeights, std::string(reinterpret_cast<const char*>(&size), sizeof size) + deep);
  EXPECT_THAT(other.verdict(), HasSubstr("its header is nested deeper than 256 levels"));
}

TEST(ModelFiles, OverlappingTensorsAreRefused) {
  FolderCopy folder("bert-mean");
  Checkpoint checkpoint(folder.read(kWeights));
  checkpoint.header["twin"] = checkpoint.header["embeddings.LayerNorm.bias"];
  folder.write(kWeights, checkpoint.bytes());
  EXPECT_THAT(folder.verdict(), HasSubstr("tensors embeddings.LayerNorm.bias and twin overlap"));
}

TEST(ModelFiles, TensorsThatNobodyReadsAreNamedUnlessHarmless) {
  FolderCopy folder("bert-mean");
  EXPECT_THAT(warnings(folder), IsEmpty());
  Checkpoint checkpoint(folder.read(kWeights));
  checkpoint.add("embeddings.position_ids", "I64", std::string(64, '\0'));
  checkpoint.add("pooler.dense.bias", "F32", std::string(64, '\0'));
  folder.write(kWeights, checkpoint.bytes());
  EXPECT_THAT(warnings(folder), IsEmpty());
  checkpoint.add("encoder.layer.0.adapter.weight", "F32", std::string(64, '\0'));
  folder.write(kWeights, checkpoint.bytes());
  EXPECT_THAT(
      warnings(folder),
      ElementsAre("1 tensors of the checkpoint are not read: encoder.layer.0.adapter.weight"));
  EXPECT_EQ(folder.verdict(), "accepted");
}

TEST(ModelFiles, AWeightOfIntegersIsRefused) {
  FolderCopy folder("bert-mean");
  Checkpoint checkpoint(folder.read(kWeights));
  checkpoint.header["embeddings.LayerNorm.bias"]["dtype"] = "I32";
  folder.write(kWeights, checkpoint.bytes());
  EXPECT_THAT(folder.verdict(), HasSubstr("tensor embeddings.LayerNorm.bias is I32; F32, F16"));
}

TEST(ModelFiles, AWholeFileIsTakenBesideAnIndexAndSaysSo) {
  FolderCopy folder("bert-mean");
  folder.write("model.safetensors.index.json", R"({"weight_map":{"x":"gone.safetensors"}})");
  EXPECT_THAT(warnings(folder), ElementsAre("model.safetensors.index.json is not read: there is a "
                                            "model.safetensors"));
  EXPECT_EQ(folder.verdict(), "accepted");
}

std::vector<int32_t> greedy_text(schedule::Runner& runner) {
  std::vector<int32_t> text{5, 6, 7};
  for (uint32_t length = 0; length < 8; ++length) {
    auto outputs = run(runner, {{text, 0, {0, 1}, work::SamplingParams{.temperature = 0}}});
    text.push_back(std::get<work::Token>(outputs.at(0)).id);
  }
  return text;
}

/// The weight map says which of two is a model's tensor.
TEST(ModelFiles, TheIndexDecidesBetweenShards) {
  const std::string second = "model-00002-of-00004.safetensors";
  FolderCopy folder("llama-sharded");
  const LoadOptions options{.directory = folder.path(), .dtype = DType::float32, .pages = 4};
  const auto right = greedy_text(*load_runner(options));
  const json map = json::parse(folder.read("model.safetensors.index.json"))["weight_map"];
  Checkpoint shard(folder.read(second));
  for (const auto& [name, file] : map.items()) {
    if (file == second || name.find("norm") == std::string::npos) continue;
    const auto bytes = Checkpoint(folder.read(file)).header[name]["data_offsets"];
    shard.add(name, "F32", std::string(bytes[1].get<size_t>() - bytes[0].get<size_t>(), '\x7f'));
  }
  folder.write(second, shard.bytes());
  EXPECT_EQ(folder.verdict(), "accepted");
  EXPECT_EQ(greedy_text(*load_runner(options)), right);
}

TEST(ModelFiles, ATensorOfTwoShardsOfWhichTheIndexTellsNothingIsRefused) {
  FolderCopy folder("llama-sharded");
  for (const char* name :
       {"model-00001-of-00004.safetensors", "model-00002-of-00004.safetensors"}) {
    Checkpoint shard(folder.read(name));
    shard.add("surplus", "F32", std::string(4, '\0'));
    folder.write(name, shard.bytes());
  }
  EXPECT_THAT(folder.verdict(), HasSubstr("weight_map does not say which to take"));
}

TEST(ModelFiles, WhatIsServedIsNotTheFileAnyMore) {
  FolderCopy folder("llama-gqa-tied");
  auto runner = load_runner({.directory = folder.path(), .dtype = DType::float32, .pages = 4});
  ASSERT_TRUE(runner);
  const auto before = greedy_text(*runner);
  folder.write(kWeights, std::string(std::filesystem::file_size(folder / kWeights), '\x7f'));
  EXPECT_EQ(greedy_text(*runner), before);
  std::filesystem::resize_file(folder / kWeights, 10);
  EXPECT_EQ(greedy_text(*runner), before);
}

TEST(ModelFiles, AFileThatIsCutWhileItIsReadIsAnError) {
  FolderCopy folder("llama-gqa-tied");
  auto weights = nn::open_safetensors(folder.path(), nn::Numbers::read, {});
  std::filesystem::resize_file(folder / kWeights, 5000);
  EXPECT_THROW(weights->get("model.embed_tokens.weight", {288, 32}), nn::LoadError);
  EXPECT_THROW(weights->check_unchanged(), nn::LoadError);
}

TEST(ModelFiles, AFileThatIsWrittenWhileItIsReadIsNotServed) {
  FolderCopy folder("llama-gqa-tied");
  nn::Architecture llama = arch::table().front();
  llama.build = [&folder, build = llama.build](const nn::Builder& args) {
    nn::Model model = build(args);
    std::filesystem::resize_file(folder / kWeights,
                                 std::filesystem::file_size(folder / kWeights) + 1);
    return model;
  };
  Progress progress;
  const auto loaded = load({.directory = folder.path()}, {&llama, 1}, cpu(), progress);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("was written while it was read"));
}

/// Fills a tensor with one byte: NaN, 0, 0.75 (0x3f) or 3.4e38 (0x7f).
void spoil(const FolderCopy& folder, const std::string& tensor, char byte = '\xff') {
  Checkpoint checkpoint(folder.read(kWeights));
  const auto range = checkpoint.header.at(tensor)["data_offsets"];
  const auto begin = range[0].get<size_t>(), end = range[1].get<size_t>();
  std::fill(checkpoint.data.begin() + static_cast<ptrdiff_t>(begin),
            checkpoint.data.begin() + static_cast<ptrdiff_t>(end), byte);
  folder.write(kWeights, checkpoint.bytes());
}

TEST(ModelGivesNaN, TheStartNamesTheTensors) {
  FolderCopy folder("bert-mean");
  spoil(folder, "encoder.layer.1.output.LayerNorm.bias");
  Progress progress;
  auto loaded = load({.directory = folder.path()}, arch::table(), cpu(), progress);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->description.warnings, ElementsAre("weights that are NaN or infinite: 32 of "
                                                        "encoder.layer.1.output.LayerNorm.bias"));
}

TEST(CountNotFinite, KnowsEveryTypeThatIsRead) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> numbers{0, -0.F, 1e-45F, 65504, -3e38F, NAN, -NAN, +infinity, -infinity};
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor tensor = at::tensor(numbers).to(type);
    EXPECT_EQ(nn::count_not_finite(tensor), 4) << type;
    EXPECT_EQ(nn::count_not_finite(tensor.narrow(0, 0, 5)), 0) << type;
  }
  // Of float16, 3e38 is infinite too.
  EXPECT_EQ(nn::count_not_finite(at::tensor(numbers).to(at::kHalf)), 5);
  EXPECT_EQ(nn::count_not_finite(at::empty({0})), 0);
}

TEST(ModelGivesNaN, AnEncodersRowIsAnError) {
  FolderCopy folder("bert-mean");
  spoil(folder, "encoder.layer.1.output.LayerNorm.bias");
  auto runner = load_runner({.directory = folder.path(), .dtype = DType::float32});
  auto outputs = run(*runner, {{{2, 7, 3}, 0, {}, work::Reads{work::Read{}}}});
  ASSERT_TRUE(std::holds_alternative<Error>(outputs.at(0)));
  EXPECT_EQ(std::get<Error>(outputs[0]).message, "the model gives NaN: number 0 of 32");
}

TEST(ModelGivesNaN, AnInfiniteNumberIsCalledSo) {
  FolderCopy folder("bert-classify");
  spoil(folder, "bert.pooler.dense.weight", 0);
  spoil(folder, "bert.pooler.dense.bias", 0x3f);
  spoil(folder, "classifier.weight", 0x7f);
  auto runner = load_runner({.directory = folder.path(), .dtype = DType::float32});
  auto outputs = run(*runner, {{{2, 7, 3}, 0, {}, work::Reads{{.head = 1}}}});
  ASSERT_TRUE(std::holds_alternative<Error>(outputs.at(0)));
  EXPECT_EQ(std::get<Error>(outputs[0]).message,
            "the model gives an infinite number: number 0 of 3");
}

TEST(ModelGivesNaN, ADecodersRowIsAnErrorAndNoToken) {
  FolderCopy folder("llama-gqa-tied");
  spoil(folder, "model.norm.weight");
  auto runner = load_runner({.directory = folder.path(), .dtype = DType::float32, .pages = 4});
  for (const float temperature : {0.F, 1.F}) {
    auto outputs =
        run(*runner, {{{5, 6}, 0, {0, 1}, work::SamplingParams{.temperature = temperature}}});
    ASSERT_TRUE(std::holds_alternative<Error>(outputs.at(0)));
    EXPECT_THAT(std::get<Error>(outputs[0]).message, HasSubstr("the model gives NaN"));
  }
}

}  // namespace
}  // namespace weir::engine::test
