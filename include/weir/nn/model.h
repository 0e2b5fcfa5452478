#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weir/folder/head_card.h"
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
  const int32_t* types = nullptr;  // (tokens) token types; null: every token is of type 0
  /// Indices (ascending, on the host) of the tokens whose last hidden states are read. The trunk
  /// returns only these. Unset: all tokens.
  std::optional<std::span<const int32_t>> read = {};
  /// Indices (ascending, on the host) of the tokens whose hidden states of all layers are read.
  std::span<const int32_t> inner = {};

  int64_t hidden_rows() const { return read ? static_cast<int64_t>(read->size()) : ragged.tokens; }
};

/// What sequences remember between steps: one entry a layer. Empty for encoders.
struct Cache {
  std::vector<kernels::PagedKv> layers;
};

/// A trunk's answer to one step.
struct Hidden {
  at::Tensor last;  // (hidden_rows, hidden)
  /// (layers + 1, inner tokens, hidden): what the first layer gets, then what each gives; the last
  /// is that of `last`. Undefined where no token's are read.
  at::Tensor layers;
};

/// What a row of the step asks of one head. Spans and pointers point into the sequence.
struct RowTask {
  uint32_t row = 0;  // index in the step
  // One of the two, as the head draws or reads.
  const work::SamplingParams* sampling = nullptr;
  const work::Read* read = nullptr;
  uint32_t drawn = 0;  // index of the next draw
  bool wants_output = false;
  std::span<const int32_t> guesses = {};  // its last tokens, which want a draw before each
  std::span<const int32_t> text = {};     // prompt and completion before the first draw; only where
  uint32_t prompt_tokens = 0;             // the parameters read the history
  std::span<const int32_t> scored = {};   // the tokens of the prompt that follow its own,
  uint32_t score_from = 0;                // from this one on, whose logprobs are wanted

  uint32_t draws() const { return wants_output ? 1 + static_cast<uint32_t>(guesses.size()) : 0; }
  /// Lines of the head's answers: of what is scored, then of the draws; or of what is read.
  uint32_t lines() const {
    if (!read) return static_cast<uint32_t>(scored.size()) + draws();
    if (!wants_output) return 0;
    return read->tokens ? static_cast<uint32_t>(read->tokens->size()) : 1;
  }
};

/// A head's answers on the device: as many lines for each task as it has lines(), in the order of
/// the tasks.
struct HeadOutput {
  at::Tensor numbers;  // (lines, columns) float32
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
  virtual Hidden forward(const Inputs& inputs, const Cache& cache) const = 0;
  /// Whether it can give the hidden states of `inputs.inner`.
  virtual bool gives_layers() const { return false; }
};

/// Hidden states to answers. A step's `tasks` are of the rows that ask this head, in row order.
class Head {
 public:
  virtual ~Head() = default;
  /// `hidden` has at least what reads() of the same tasks names, and perhaps what other heads read
  /// (nn/gather.h picks). Called only where a task has a line.
  virtual HeadOutput apply(const Hidden& hidden, const Inputs& inputs,
                           std::span<const RowTask> tasks) const = 0;
  /// Indices (ascending) of the tokens whose hidden states are read; unset: all of the step.
  virtual std::optional<std::vector<int32_t>> reads(const Inputs& inputs,
                                                    std::span<const RowTask> tasks) const = 0;
  /// Whether it reads the hidden states of all layers of those tokens (then it names tokens), and
  /// not the last ones.
  virtual bool reads_layers() const { return false; }
};

/// A head and what it is for.
struct NamedHead {
  folder::HeadCard card;
  std::unique_ptr<Head> head;
};

/// What the engine must know of a model beside running it.
struct Shape {
  bool generates = true;
  int64_t layers = 0, hidden = 0, vocabulary = 0;
  int64_t heads = 0, kv_heads = 0, head_dim = 0;  // kv_heads 0: no cache
  int64_t max_positions = 0;
  int64_t token_types = 1;
  bool tied = false;  // the head projects on the embedding table
};

struct Model {
  Shape shape;
  std::unique_ptr<Trunk> trunk;
  std::vector<NamedHead> heads;    // at least one
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
