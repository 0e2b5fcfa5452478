#pragma once

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "engine/tiny_model.h"
#include "weir/nn/file_hash.h"

namespace weir::engine::test {

/// A folder of a head for tests/golden/tiny/bert-mean (two layers of 32): a mix of all hidden
/// states, an LSTM of both directions, a linear layer and a CRF; or the pooled text and a linear
/// layer. A test changes `json` and `tensors` before it writes them.
class TinyHead {
 public:
  static constexpr const char* kTrunk = "tests/golden/tiny/bert-mean";
  static constexpr int64_t kHidden = 32, kWidth = 5, kLabels = 3;

  nlohmann::json json;
  std::map<std::string, std::vector<int64_t>> tensors;  // and their shapes
  std::string spoilt;                                   // the tensor whose first number is `number`
  float number = std::numeric_limits<float>::infinity();

  static TinyHead tagger() {
    TinyHead head("tiny-tagger", "token-classification");
    head.json["input"] = {{"source", "hidden_states"}, {"indices", {0, 1, 2}}, {"dim", kHidden}};
    head.json["words"] = {{"rule", "tokenizer"}};
    head.tensors = {{"mix.weight", {3}},
                    {"crf.start", {kLabels}},
                    {"crf.transitions", {kLabels, kLabels}},
                    {"crf.end", {kLabels}}};
    nlohmann::json names = nlohmann::json::array();
    for (const char* end : {"l0", "l0_reverse"})
      for (const auto& [name, shape] :
           std::map<std::string, std::vector<int64_t>>{{"lstm.weight_ih_", {4 * kWidth, kHidden}},
                                                       {"lstm.weight_hh_", {4 * kWidth, kWidth}},
                                                       {"lstm.bias_ih_", {4 * kWidth}},
                                                       {"lstm.bias_hh_", {4 * kWidth}}}) {
        head.tensors[name + end] = shape;
        names.push_back(name + end);
      }
    head.json["layers"] = {{{"type", "scalar_mix"}, {"weight", "mix.weight"}, {"shape", {3}}},
                           {{"type", "lstm"},
                            {"input_size", kHidden},
                            {"hidden_size", kWidth},
                            {"num_layers", 1},
                            {"bidirectional", true},
                            {"gate_order", "i,f,g,o"},
                            {"parameters", names}},
                           head.linear(2 * kWidth),
                           {{"type", "crf"},
                            {"num_tags", kLabels},
                            {"start", "crf.start"},
                            {"transitions", "crf.transitions"},
                            {"end", "crf.end"},
                            {"transitions_index", "[from][to]"}}};
    return head;
  }

  static TinyHead classifier() {
    TinyHead head("tiny-classifier", "sequence-classification");
    head.json["input"] = {{"source", "last_hidden_state"},
                          {"pooling", "mean"},
                          {"normalize", "L2"},
                          {"dim", kHidden}};
    head.json["output"] = "softmax";
    head.json["layers"] = nlohmann::json::array({head.linear(kHidden)});
    return head;
  }

  /// The folder, written anew.
  std::string write() const {
    std::ofstream(path() + "/head.json") << json.dump();
    nlohmann::json header = nlohmann::json::object();
    uint64_t at = 0;
    std::string numbers;
    for (const auto& [name, shape] : tensors) {
      int64_t count = 1;
      for (const int64_t size : shape) count *= size;
      for (int64_t i = 0; i < count; ++i) {
        const bool spoils = name == spoilt && i == 0;
        const float written =
            spoils ? number : std::sin(static_cast<float>(i + 7) * 1.3F + static_cast<float>(at));
        numbers.append(reinterpret_cast<const char*>(&written), sizeof written);
      }
      header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {at, numbers.size()}}};
      at = numbers.size();
    }
    const std::string text = header.dump();
    const uint64_t size = text.size();
    std::ofstream file(path() + "/head.safetensors", std::ios::binary);
    file.write(reinterpret_cast<const char*>(&size), sizeof size);
    file << text << numbers;
    return path();
  }
  std::string path() const { return folder_->path(); }

 private:
  TinyHead(const std::string& name, const std::string& task)
      : json({{"format", "task-head/1"},
              {"name", name},
              {"task", task},
              {"labels", {"O", "B-X", "I-X"}},
              {"dtype", "float32"},
              {"trunk",
               {{"architecture", "BertModel"},
                {"hidden_size", kHidden},
                {"num_hidden_layers", 2},
                {"model_safetensors_sha256", *nn::sha256_of_files(std::vector{
                                                 std::string(kTrunk) + "/model.safetensors"})}}}}) {
  }

  nlohmann::json linear(int64_t in) {
    tensors["linear.weight"] = {kLabels, in};
    tensors["linear.bias"] = {kLabels};
    return {{"type", "linear"},          {"in_features", in},     {"out_features", kLabels},
            {"weight", "linear.weight"}, {"bias", "linear.bias"}, {"weight_shape", {kLabels, in}}};
  }

  std::shared_ptr<ModelFolder> folder_ = std::make_shared<ModelFolder>("{}");
};

}  // namespace weir::engine::test
