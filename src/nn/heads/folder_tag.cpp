// "token-classification": the hidden states of the tokens that are asked for, of the last layer or
// mixed of several, through the layers. A CRF behind them is decoded by who asked.
#include <ATen/ops/empty.h>

#include <algorithm>

#include "nn/heads/folder_head.h"
#include "nn/heads/read_tokens.h"
#include "nn/heads/tag_scheme.h"
#include "nn/heads/text_rules.h"
#include "weir/base/excerpt.h"
#include "weir/nn/gather.h"

namespace weir::nn {
namespace {

/// The layers that a head mixes, and what each weighs. None: it reads the last one.
struct Mix {
  std::vector<int64_t> layers;
  std::vector<float> weights;
};

class FolderTag final : public Head {
 public:
  FolderTag(Backend& backend, Mix mix, HeadLayers layers)
      : backend_(backend), mix_(std::move(mix)), layers_(std::move(layers)) {}

  HeadOutput apply(const Hidden& hidden, const Pass& pass,
                   std::span<const RowTask> tasks) const override {
    const auto tokens = named_tokens(pass.inputs, tasks);
    const at::Tensor x = reads_layers() ? mixed(hidden.layers, pass.inputs.inner, tokens)
                                        : pick(backend_, hidden.last, pass.inputs.read, tokens);
    return {.numbers = layers_.forward(x.to(at::kFloat), line_begins(tasks), pass)};
  }

  std::optional<std::vector<int32_t>> reads(const Inputs& inputs,
                                            std::span<const RowTask> tasks) const override {
    return named_tokens(inputs, tasks);
  }
  bool reads_layers() const override { return !mix_.layers.empty(); }

 private:
  /// states: (layers + 1, held tokens, hidden). Gives (wanted tokens, hidden) float32.
  at::Tensor mixed(const at::Tensor& states, std::span<const int32_t> held,
                   std::span<const int32_t> wanted) const {
    const auto count = static_cast<int32_t>(held.size());
    std::vector<int32_t> places;  // in (layers + 1) * held
    places.reserve(mix_.layers.size() * wanted.size());
    for (const int64_t layer : mix_.layers)
      for (const int32_t token : wanted)
        places.push_back(
            static_cast<int32_t>(layer) * count +
            static_cast<int32_t>(std::ranges::lower_bound(held, token) - held.begin()));
    const at::Tensor x = gather(backend_, states.flatten(0, 1), places);
    at::Tensor out =
        at::empty({static_cast<int64_t>(wanted.size()), x.size(1)}, x.options().dtype(at::kFloat));
    backend_.ops().mix(rows_of(out), rows_of(x), mix_.weights);
    return out;
  }

  Backend& backend_;
  const Mix mix_;
  const HeadLayers layers_;
};

bool is_type(const ConfigFile& entry, const char* type) { return entry.text("type", "") == type; }

std::vector<int64_t> indices_of(const FolderHeadArgs& args) {
  const int64_t most = args.trunk.shape.layers;
  if (!args.input.has("indices")) args.input.refuse("indices is missing");
  const nlohmann::json& list = args.input.json().at("indices");
  if (!list.is_array() || list.empty())
    args.input.refuse("indices is " + excerpt(list.dump()) + ", not a list of layers");
  check_wording(args.input, "meaning",
                {"0: embeddings, k: layer k",
                 "0: output of the embedding block (after its LayerNorm); k: output of encoder "
                 "layer k; 6: last_hidden_state"});
  std::vector<int64_t> indices;
  for (const nlohmann::json& each : list) {
    const bool good = each.is_number_integer() && each >= 0 && each <= most;
    if (!good)
      args.input.refuse("indices holds " + excerpt(each.dump()) + "; the trunk's are 0 to " +
                        std::to_string(most));
    indices.push_back(each.get<int64_t>());
  }
  return indices;
}

/// Takes the entry of the mix from the front of `entries`.
Mix take_mix(const FolderHeadArgs& args, std::span<const ConfigFile>& entries) {
  const std::string source = args.input.text("source", "");
  if (source == "last_hidden_state") return {};
  if (source != "hidden_states")
    args.input.refuse("source is \"" + excerpt(source) +
                      "\"; hidden_states and last_hidden_state are supported");
  if (!args.trunk.gives_layers)
    args.input.refuse("source is \"hidden_states\"; " + args.trunk.architecture +
                      " gives only the last of them");
  Mix mix{.layers = indices_of(args), .weights = {}};
  if (entries.empty() || !is_type(entries.front(), "scalar_mix"))
    args.input.refuse("source is \"hidden_states\" and the first layer is no scalar_mix");
  const ConfigFile& entry = entries.front();
  if (args.layers.on_gpu)
    entry.refuse("type \"scalar_mix\" is computed on processors only, not on a GPU");
  const auto count = static_cast<int64_t>(mix.layers.size());
  check_shape(entry, "shape", {count});
  check_wording(entry, "formula",
                {"sum_k weight[k] * hidden_states[k]",
                 "x = sum_k mix.weight[k] * hidden_states[k]; the weights are final (softmax and "
                 "scale already applied)"});
  mix.weights = numbers_of(args.layers.tensors.get(entry.text("weight"), {count}));
  entries = entries.subspan(1);
  return mix;
}

void check_crf_wordings(const ConfigFile& entry) {
  check_wording(entry, "formula",
                {"linear chain",
                 "score(y) = start[y_1] + sum_t emissions[t][y_t] + sum_t transitions[y_t][y_t+1] "
                 "+ end[y_T]"});
  check_wording(entry, "decode",
                {"Viterbi", "Viterbi, maximum score; a tie goes to the lowest tag index"});
  check_wording(entry, "forbidden",
                {"-10000",
                 "-10000 stands at starts and transitions that BIO does not allow (I-X at the "
                 "start, or after anything but B-X or I-X), so a decoded path is always valid "
                 "BIO"});
}

/// Takes the entry of the CRF from the end of `entries`.
std::optional<folder::Crf> take_crf(const FolderHeadArgs& args,
                                    std::span<const ConfigFile>& entries, int64_t labels) {
  if (entries.empty() || !is_type(entries.back(), "crf")) return std::nullopt;
  const ConfigFile& entry = entries.back();
  entries = entries.first(entries.size() - 1);
  check_size(entry, "num_tags", labels, "labels has");
  if (!entry.has("transitions_index")) entry.refuse("transitions_index is missing");
  check_wording(entry, "transitions_index", {"[from][to]"});
  check_crf_wordings(entry);
  const auto get = [&](const char* field, at::IntArrayRef shape) {
    return numbers_of(args.layers.tensors.get(entry.text(field), shape));
  };
  return folder::Crf{.start = get("start", {labels}),
                     .transitions = get("transitions", {labels, labels}),
                     .end = get("end", {labels})};
}

/// Scores are a softmax of each line, or what the CRF makes of all lines.
void check_tag_output(const ConfigFile& file, const folder::HeadCard& card) {
  if (!file.has("output")) return;
  if (card.crf) file.refuse("output is there; with a crf layer the CRF makes the scores");
  const std::string output = file.text("output");
  if (!is_output(output, "softmax", static_cast<int64_t>(card.labels.size())))
    file.refuse("output is \"" + excerpt(output) + "\"; only softmax is supported");
}

}  // namespace

NamedHead make_folder_tag(const FolderHeadArgs& args) {
  std::span<const ConfigFile> entries = args.entries;
  Mix mix = take_mix(args, entries);
  const auto labels = static_cast<int64_t>(texts_of(args.file, "labels").size());
  auto crf = take_crf(args, entries, labels);
  HeadLayers layers(args.layers, entries, args.trunk.shape.hidden);
  NamedHead made{.card = {.task = folder::HeadTask::tag,
                          .labels = folder_labels(args.file, layers.columns()),
                          .by_word = reads_words(args.file),
                          .crf = std::move(crf)}};
  check_tag_scheme(args.file, made.card.labels);
  check_tag_output(args.file, made.card);
  made.head = std::make_unique<FolderTag>(args.layers.backend, std::move(mix), std::move(layers));
  return made;
}

}  // namespace weir::nn
