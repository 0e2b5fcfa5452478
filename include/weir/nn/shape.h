#pragma once

#include <cstdint>
#include <string>

#include "weir/nn/config.h"

namespace weir::nn {

/// What a sequence leaves for its later steps. Nothing: an encoder.
struct Remembers {
  bool pages = false;   // keys and values of its tokens, in every layer
  bool source = false;  // and those that the decoder's layers have of its source: as many bytes
  int64_t window = 0;   // positions that every layer reaches back, its own included; 0: all
  int64_t slot = 0;     // float32 numbers of a state of fixed size
};

/// What the engine must know of a model beside running it.
struct Shape {
  bool generates = true;
  int64_t layers = 0, hidden = 0, vocabulary = 0;
  int64_t heads = 0, kv_heads = 0, head_dim = 0;  // as the checkpoint has them
  int64_t max_positions = 0;
  int64_t max_source = 0;  // tokens that an encoder-decoder's encoder takes
  int64_t token_types = 1;
  bool biased = false;  // scores of attention to own tokens have a bias by distance
  bool tied = false;    // the head projects on the embedding table
  Remembers remembers;

  /// The sizes by the names that most architectures have for them in config.json; as many heads of
  /// keys as of queries. Throws LoadError, like the others.
  static Shape read(const ConfigFile& config);
  /// Sets head_dim to hidden / heads, which the two fields of config.json say.
  void split_hidden(const ConfigFile& config, const std::string& hidden_field,
                    const std::string& heads_field);
  /// Sets kv_heads to num_key_value_heads, of which each serves as many heads of queries.
  void group_heads(const ConfigFile& config);
  /// Refuses a head_dim that no kernel computes, also with a column of zeros more. `from`: the
  /// fields that say it.
  void check_heads(const ConfigFile& config, const std::string& from) const;
  /// Refuses one of which no kernel rotates the halves too.
  void check_rotated_heads(const ConfigFile& config, const std::string& from) const;
};

}  // namespace weir::nn
