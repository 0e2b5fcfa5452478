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
#include "weir/nn/builder.h"
#include "weir/nn/config.h"
#include "weir/nn/pass.h"
#include "weir/nn/shape.h"
#include "weir/work/request.h"

namespace weir::nn {

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

/// Tokens to hidden states. Immutable: what sequences remember is in the pass's State.
class Trunk {
 public:
  virtual ~Trunk() = default;
  virtual Hidden forward(const Pass& pass) const = 0;
  /// Whether it can give the hidden states of `Inputs::inner`.
  virtual bool gives_layers() const { return false; }
};

/// Hidden states to answers. A step's `tasks` are of the rows that ask this head, in row order.
class Head {
 public:
  virtual ~Head() = default;
  /// `hidden` has at least what reads() of the same tasks names, and perhaps what other heads read
  /// (nn/gather.h picks). Called only where a task has a line.
  virtual HeadOutput apply(const Hidden& hidden, const Pass& pass,
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

struct Model {
  Shape shape;
  std::unique_ptr<Trunk> trunk;
  std::vector<NamedHead> heads;    // at least one
  std::vector<std::string> notes;  // what the log is to say of files beside config.json
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
  std::function<Model(const Builder&)> build;
  /// Parts of the names of tensors that its checkpoints may hold though nothing reads them.
  std::vector<std::string> unread;
};

}  // namespace weir::nn
