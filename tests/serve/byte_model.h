#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "weir/serve/served_model.h"

namespace weir::serve {

/// A model folder in a temporary place whose tokens are bytes: ids 0 to 255, then these. So a test
/// reads its tokens as text, and any character or stop string can be cut anywhere.
inline constexpr int32_t kBos = 256, kEos = 257, kTurn = 258;

class ModelFolder {
 public:
  ModelFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-serve-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~ModelFolder() { std::filesystem::remove_all(path_); }
  ModelFolder(const ModelFolder&) = delete;

  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = path_ + '/' + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

 private:
  std::string path_;
};

/// GPT-2's printable stand-in for a byte.
inline std::string byte_piece(int byte) {
  int code = byte;
  const auto printable = [](int b) {
    return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  };
  if (!printable(byte)) {
    code = 256;
    for (int b = 0; b < byte; ++b) code += !printable(b);
  }
  std::string piece;
  if (code < 128) return std::string(1, static_cast<char>(code));
  piece += static_cast<char>(0xC0 | (code >> 6));
  piece += static_cast<char>(0x80 | (code & 63));
  return piece;
}

/// `after`: also an <eos> behind the text, as encoders have it.
inline nlohmann::json byte_tokenizer(bool after) {
  using nlohmann::json;
  json vocab = json::object();
  for (int byte = 0; byte < 256; ++byte) vocab[byte_piece(byte)] = byte;
  json added = json::array();
  const char* specials[] = {"<bos>", "<eos>", "<turn>"};
  for (int i = 0; i < 3; ++i)
    added.push_back({{"id", 256 + i},
                     {"content", specials[i]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  json single = json::parse(R"([{"SpecialToken":{"id":"<bos>","type_id":0}},
                                {"Sequence":{"id":"A","type_id":0}}])");
  if (after) single.push_back(json::parse(R"({"SpecialToken":{"id":"<eos>","type_id":0}})"));
  json pair = single;
  pair.push_back(json::parse(R"({"Sequence":{"id":"B","type_id":0}})"));
  return {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", added},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "ByteLevel"},
        {"add_prefix_space", false},
        {"trim_offsets", true},
        {"use_regex", false}}},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", single},
        {"pair", pair},
        {"special_tokens", json::parse(R"({"<bos>":{"id":"<bos>","ids":[256],"tokens":["<bos>"]},
                             "<eos>":{"id":"<eos>","ids":[257],"tokens":["<eos>"]}})")}}},
      {"decoder",
       {{"type", "ByteLevel"},
        {"add_prefix_space", true},
        {"trim_offsets", true},
        {"use_regex", true}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"continuing_subword_prefix", nullptr},
        {"end_of_word_suffix", nullptr},
        {"fuse_unk", false},
        {"byte_fallback", false},
        {"ignore_merges", false},
        {"vocab", vocab},
        {"merges", json::array()}}}};
}

inline void write_generator(const ModelFolder& folder) {
  folder.write("tokenizer.json", byte_tokenizer(false).dump());
  folder.write("tokenizer_config.json", R"({"bos_token":"<bos>","eos_token":"<eos>"})");
  folder.write("config.json", R"({"eos_token_id":257})");
  folder.write("generation_config.json", R"({"eos_token_id":[257],"do_sample":false})");
  folder.write(
      "chat_template.jinja",
      "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}<turn>{% endfor %}"
      "{% if add_generation_prompt %}{{ name | default('bot') }}:{% endif %}");
}

inline void write_encoder(const ModelFolder& folder) {
  folder.write("tokenizer.json", byte_tokenizer(true).dump());
  folder.write("tokenizer_config.json", R"({"model_max_length":512})");
  folder.write("config.json", R"({"hidden_size":4,"max_position_embeddings":40})");
}

inline constexpr Tasks kGenerates{HeadTask::generate}, kReads{HeadTask::embed};

inline TextSide text_side(const ModelFolder& folder, Tasks tasks) {
  auto side = load_text_side(folder.path(), tasks);
  if (!side) {
    ADD_FAILURE() << side.error().message;
    std::abort();
  }
  return *std::move(side);
}

inline std::vector<int32_t> bytes_of(const std::string& text) {
  std::vector<int32_t> ids;
  for (char byte : text) ids.push_back(static_cast<unsigned char>(byte));
  return ids;
}

/// The generating model, 64 tokens long, with two rows more than its tokenizer has tokens.
struct ByteModel {
  ModelFolder folder;
  ModelCard loaded;

  ByteModel() {
    write_generator(folder);
    loaded = {.text = text_side(folder, kGenerates),
              .max_model_len = 64,
              .vocabulary_rows = 261,
              .architecture = "llama",
              .dtype = "float32",
              .fingerprint = std::make_shared<Later<std::string>>("fp_0123456789ab"),
              .heads = {{.task = HeadTask::generate}}};
  }
};

/// The embedding model: 40 tokens, vectors of 4.
struct ByteEncoder {
  ModelFolder folder;
  ModelCard loaded;

  ByteEncoder() {
    write_encoder(folder);
    loaded = {.text = text_side(folder, kReads),
              .max_model_len = 512,
              .vocabulary_rows = 259,
              .heads = {{.task = HeadTask::embed}}};
  }
};

}  // namespace weir::serve
