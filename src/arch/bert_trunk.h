#pragma once

#include <memory>
#include <optional>
#include <string>

#include "weir/nn/activation.h"
#include "weir/nn/distance_bias.h"
#include "weir/nn/model.h"

namespace weir::arch {

/// The names that a checkpoint has for the tensors of a layer; BERT's, where nothing else is said.
struct BertNames {
  std::string layers = "encoder.layer";  // the list
  std::string query = "attention.self.query", key = "attention.self.key",
              value = "attention.self.value";
  std::string attention_out = "attention.output.dense",
              attention_norm = "attention.output.LayerNorm";
  std::string up = "intermediate.dense", down = "output.dense", mlp_norm = "output.LayerNorm";
};

/// What a trunk of BERT's kind is beside its shape.
struct BertPlan {
  nn::Shape shape;
  std::string prefix;  // of the trunk's tensors in a checkpoint with a task head: "bert."
  BertNames names = {};
  int64_t inner = 0;  // columns of the MLP
  double eps = 0;     // of the LayerNorms
  nn::Activation activation = nn::Activation::none;
  int64_t unused_positions = 0;  // rows before that of the first token, which no token has
  bool typed = true;             // tokens have types
  /// Positions that the checkpoint does not have are sines (even columns) and cosines of
  /// position / 10000^(2 (column / 2) / hidden).
  bool sinusoidal = false;
  /// Of encoder.relative_attention_bias, which the scores of all layers get.
  std::optional<nn::DistanceBias::Rule> bias = {};
};

/// Learned positions and token types, LayerNorm after each half, attention both ways, an MLP.
/// Throws LoadError.
std::unique_ptr<nn::Trunk> make_bert_trunk(const nn::Builder& model, const BertPlan& plan);

}  // namespace weir::arch
