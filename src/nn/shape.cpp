#include "weir/nn/shape.h"

#include "weir/kernels/head_size.h"

namespace weir::nn {
namespace {

[[noreturn]] void refuse_heads(const ConfigFile& config, const std::string& from, int64_t head_dim,
                               const char* computed) {
  config.refuse(from + " is " + std::to_string(head_dim) + "; " + computed + " to " +
                std::to_string(kernels::kMaxHeadDim) + " are computed");
}

}  // namespace

Shape Shape::read(const ConfigFile& config) {
  Shape shape;
  shape.layers = config.size("num_hidden_layers");
  shape.hidden = config.size("hidden_size");
  shape.vocabulary = config.size("vocab_size");
  shape.heads = shape.kv_heads = config.size("num_attention_heads");
  shape.max_positions = config.size("max_position_embeddings");
  return shape;
}

void Shape::split_hidden(const ConfigFile& config, const std::string& hidden_field,
                         const std::string& heads_field) {
  if (hidden % heads)
    config.refuse(hidden_field + " " + std::to_string(hidden) + " is not a multiple of " +
                  heads_field + " " + std::to_string(heads));
  head_dim = hidden / heads;
  check_heads(config, hidden_field + " / " + heads_field);
}

void Shape::group_heads(const ConfigFile& config) {
  kv_heads = config.size("num_key_value_heads", heads);
  if (heads % kv_heads)
    config.refuse("num_attention_heads " + std::to_string(heads) +
                  " is not a multiple of num_key_value_heads " + std::to_string(kv_heads));
}

void Shape::check_heads(const ConfigFile& config, const std::string& from) const {
  if (!kernels::takes_heads_of(head_dim + head_dim % 2))
    refuse_heads(config, from, head_dim, "numbers from 1");
}

void Shape::check_rotated_heads(const ConfigFile& config, const std::string& from) const {
  if (!kernels::takes_heads_of(head_dim))
    refuse_heads(config, from, head_dim, "even numbers from 2");
}

}  // namespace weir::nn
