#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weir/kernels/view.h"
#include "weir/nn/backend.h"
#include "weir/nn/config.h"
#include "weir/nn/weights.h"
#include "weir/work/request.h"

namespace weir::nn {

/// The tokens of one step, all rows end to end, on the device.
struct Inputs {
  const int32_t* ids = nullptr;  // (tokens)
  kernels::Ragged ragged;
  /// The tokens, rising, whose hidden states a head that has reads() wants: a trunk of such a head
  /// gives those alone. Unset: all.
  std::optional<std::span<const int32_t>> read = {};

  int64_t hidden_rows() const { return read ? static_cast<int64_t>(read->size()) : ragged.tokens; }
};

/// What sequences remember between steps: one entry a layer. Empty for encoders.
struct Cache {
  std::vector<kernels::PagedKv> layers;
};

/// What a row asks of the head. Spans point into the sequence.
struct RowTask {
  const work::TaskParams* params = nullptr;
  uint32_t drawn = 0;  // index of the next draw
  bool wants_output = false;
  std::span<const int32_t> guesses = {};  // its last tokens, which want a draw before each
  std::span<const int32_t> text = {};     // prompt and completion before the first draw; only where
  uint32_t prompt_tokens = 0;             // the parameters read the history
  std::span<const int32_t> scored = {};   // the tokens of the prompt that follow its own,
  uint32_t score_from = 0;                // from this one on, whose logprobs are wanted

  uint32_t draws() const { return wants_output ? 1 + static_cast<uint32_t>(guesses.size()) : 0; }
  /// Of the head's answers: of what is scored, then of the draws.
  uint32_t lines() const { return static_cast<uint32_t>(scored.size()) + draws(); }
};

/// A head's answers, so many lines per row as it has lines(), in row order, on the device.
struct HeadOutput {
  at::Tensor vectors;  // (lines, dimensions) float32
  // Or of a head that draws:
  at::Tensor ids;              // (lines) int32
  at::Tensor logprobs, ranks;  // (lines) float32, int32; undefined where no line wants them
  at::Tensor top_ids,
      top_logprobs;  // (lines, most) int32, float32; undefined where none wants them
};

/// Tokens to hidden states. Immutable: running state is in the Cache.
class Trunk {
 public:
  virtual ~Trunk() = default;
  virtual at::Tensor forward(const Inputs& inputs,
                             const Cache& cache) const = 0;  // (hidden_rows, hidden)
};

/// Hidden states to answers.
class Head {
 public:
  virtual ~Head() = default;
  /// hidden: (hidden_rows, hidden)
  virtual HeadOutput apply(const at::Tensor& hidden, const Inputs& inputs,
                           std::span<const RowTask> rows) const = 0;
  /// What `inputs.read` may be; unset: every token is read.
  virtual std::optional<std::vector<int32_t>> reads(const Inputs&, std::span<const RowTask>) const {
    return {};
  }
};

/// What the engine must know of a model beside running it.
struct Shape {
  bool generates = true;
  int64_t layers = 0, hidden = 0, vocabulary = 0;
  int64_t heads = 0, kv_heads = 0, head_dim = 0;  // kv_heads 0: no cache
  int64_t max_positions = 0;
  bool tied = false;  // the head projects on the embedding table
};

struct Model {
  Shape shape;
  std::unique_ptr<Trunk> trunk;
  std::unique_ptr<Head> head;
  std::vector<std::string> notes;  // what the log is to say of files beside config.json
};

/// What an architecture is built from.
struct BuildArgs {
  const std::string& directory;
  const ConfigFile& config;  // config.json
  Weights& weights;
  Backend& backend;
  at::ScalarType type;
  int64_t max_model_len;  // 0: what the model takes
};

/// One architecture of config.json's "architectures". `describe` reads the shape only.
struct Architecture {
  std::string name;
  /// Its "model_type", which says it where no architectures are named.
  std::string model_type;
  /// Names of checkpoints that hold it beside what another task needs, and old spellings.
  std::vector<std::string> other_names;
  folder::FieldTable fields;  // of config.json beside those of every architecture
  std::function<Shape(const ConfigFile&)> describe;
  std::function<Model(const BuildArgs&)> build;
  /// Parts of the names of tensors that its checkpoints may hold though nothing reads them.
  std::vector<std::string> unread;
};

}  // namespace weir::nn
