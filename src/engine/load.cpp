#include "weir/engine/load.h"

#include <algorithm>
#include <exception>
#include <optional>

#include "engine/cpu_runner.h"
#include "engine/model_state.h"
#include "weir/base/excerpt.h"
#include "weir/folder/sentence_modules.h"
#include "weir/folder/tables.h"
#include "weir/kernels/cpu_isa.h"
#include "weir/nn/rows.h"
#ifdef WEIR_CUDA
#include "engine/load_cuda.h"
#endif

namespace weir::engine {
namespace {

bool is_called(const nn::Architecture& architecture, const std::string& name) {
  return architecture.name == name ||
         std::find(architecture.other_names.begin(), architecture.other_names.end(), name) !=
             architecture.other_names.end();
}

std::string names_of(std::span<const nn::Architecture> architectures) {
  std::string names;
  for (const auto& architecture : architectures)
    names += (names.empty() ? "" : ", ") + architecture.name;
  return names;
}

const nn::Architecture& find(const nn::ConfigFile& config,
                             std::span<const nn::Architecture> architectures) {
  const std::vector<std::string> names = config.texts("architectures");
  for (const std::string& name : names)
    for (const auto& architecture : architectures)
      if (is_called(architecture, name)) return architecture;
  const std::string type = config.text("model_type", "");
  for (const auto& architecture : architectures)
    if (names.empty() && architecture.model_type == type) return architecture;
  const std::string wanted = !names.empty() ? names.back()
                             : type.empty() ? "none"
                                            : "of model_type " + type;
  config.refuse("architecture " + wanted + " is not supported (" + names_of(architectures) + ")");
}

at::ScalarType resolve_type(DType dtype, const nn::Shape& shape, DeviceKind device) {
  if (dtype == DType::float32) return at::kFloat;
  if (dtype == DType::bfloat16) return at::kBFloat16;
  const bool computes =
      device == DeviceKind::cuda || kernels::cpu_isa() >= kernels::Isa::avx512_bf16;
  // A decoder reads all its weights for every token: half the bytes are worth their widening.
  return computes || shape.generates ? at::kBFloat16 : at::kFloat;
}

uint32_t resolve_length(uint32_t asked, const nn::Shape& shape) {
  auto most = static_cast<uint32_t>(shape.max_positions);
  if (asked > most)
    throw nn::LoadError("max-model-len is " + std::to_string(asked) + "; this model takes " +
                        std::to_string(most));
  return asked ? asked : most;
}

Description describe_config(const LoadOptions& options, const nn::ConfigFile& config,
                            const nn::Architecture& architecture, DeviceKind device) {
  Description result;
  result.device = device;
  result.architecture = architecture.name;
  result.shape = architecture.describe(config);
  // Fields that are refused where nobody reads them. Which others nobody reads is known only once
  // the model is built.
  config.review({folder::config_fields(), architecture.fields});
  at::ScalarType type = resolve_type(options.dtype, result.shape, device);
  result.dtype = type == at::kFloat ? "float32" : "bfloat16";
  result.costs = kernels::cpu_costs(kernels::cpu_isa(), nn::dtype_of(type));
  result.max_model_len = resolve_length(options.max_model_len, result.shape);
  result.max_source =
      static_cast<uint32_t>(std::min<int64_t>(result.shape.max_source, result.max_model_len));
  if (result.shape.remembers.pages) {
    const auto bytes = ModelState::page_bytes(result.shape, options.page_size, type);
    if (!bytes) config.refuse("a page of its layers, heads and head_dim is larger than any memory");
    result.page_bytes = *bytes;
  }
  result.slot_bytes = ModelState::slot_bytes(result.shape).value_or(UINT64_MAX);
  return result;
}

at::ScalarType type_of(const Description& description) {
  return description.dtype == "float32" ? at::kFloat : at::kBFloat16;
}

/// Positions to which attention costs a token as much as its matrix products, on a CPU. An MLP is
/// taken as 8 hidden^2 weights (2 x 4 or 3 x 8/3).
uint32_t attention_span(const Description& description) {
  const nn::Shape& shape = description.shape;
  // What config.json claims is not held against the weights yet: its product may pass 64 bits.
  const auto hidden = static_cast<double>(shape.hidden);
  const auto width = static_cast<double>(shape.heads * shape.head_dim);
  const auto of_keys = static_cast<double>(shape.kv_heads * shape.head_dim);
  const double weights = 2 * hidden * (width + of_keys) + 8 * hidden * hidden;
  const double span = weights / (2 * description.costs.products_to_attention * width);
  return static_cast<uint32_t>(std::clamp<double>(span, 1, UINT32_MAX));
}

std::vector<schedule::HeadSpec> head_specs(const std::vector<folder::HeadCard>& cards) {
  std::vector<schedule::HeadSpec> specs;
  for (const folder::HeadCard& card : cards)
    specs.push_back({.draws = card.task == folder::HeadTask::generate,
                     .by_token = card.task == folder::HeadTask::tag});
  return specs;
}

/// A sequence that needs more than the whole cache could never end. A source takes half of the
/// cache at most, so that source and text of every length that is told fit together.
void limit_lengths(schedule::ModelSpec& spec) {
  uint32_t for_text = spec.pages;
  if (spec.memory.source) {
    if (spec.pages < 2)
      throw nn::LoadError(
          "the cache has 1 page; an encoder-decoder needs one for a source and one "
          "for the decoder's text");
    const uint32_t all = (spec.max_source + spec.page_size - 1) / spec.page_size;
    const uint32_t for_source = std::min(all, spec.pages / 2);
    spec.max_source = std::min(spec.max_source, for_source * spec.page_size);
    for_text -= for_source;
  }
  if (spec.least_pages(spec.max_tokens) > for_text) spec.max_tokens = for_text * spec.page_size;
}

schedule::ModelSpec spec_of(const Description& description, const LoadOptions& options) {
  schedule::ModelSpec spec;
  spec.heads = head_specs(description.heads);
  spec.token_types = static_cast<uint32_t>(description.shape.token_types);
  const nn::Remembers& remembers = description.shape.remembers;
  spec.prompt =
      remembers.pages || remembers.slot ? schedule::Prompt::chunked : schedule::Prompt::whole;
  spec.memory = {.pages = remembers.pages, .source = remembers.source, .slot = remembers.slot > 0};
  spec.max_source = description.max_source;
  spec.window = static_cast<uint32_t>(remembers.window);
  if (spec.memory.slot) spec.slots = options.max_sequences;
  spec.vocabulary = static_cast<uint32_t>(description.shape.vocabulary);
  spec.max_tokens = description.max_model_len;
  spec.page_size = options.page_size;
  if (spec.memory.pages) {
    const auto pages_of = [&](uint64_t tokens) {
      return (tokens + options.page_size - 1) / options.page_size;
    };
    const uint64_t one_sequence =
        pages_of(description.max_model_len) + pages_of(description.max_source);
    uint64_t pages = options.pages         ? options.pages
                     : options.cache_bytes ? options.cache_bytes / description.page_bytes
                                           : one_sequence;
    if (pages == 0)
      throw nn::LoadError("the cache has " + std::to_string(options.cache_bytes) +
                          " bytes; one page of this model takes " +
                          std::to_string(description.page_bytes));
    // More than every sequence of a step at full length cannot be used, but for cached prefixes:
    // twice that is plenty.
    spec.pages =
        static_cast<uint32_t>(std::min<uint64_t>(pages, 2 * one_sequence * options.max_sequences));
    if (options.pages) spec.pages = options.pages;
    limit_lengths(spec);
  }
  return spec;
}

std::unique_ptr<nn::Weights> open_weights(const LoadOptions& options, at::ScalarType type,
                                          nn::Backend& backend, Progress* progress) {
  if (options.dummy) return nn::make_dummy_weights(0, backend.device(), type);
  const std::string directory = folder::transformer_folder(options.directory);
  if (!progress) return nn::open_safetensors(directory, nn::Numbers::left_out, {});
  auto total = std::make_shared<uint64_t>(1);
  auto weights =
      nn::open_safetensors(directory, nn::Numbers::read, [total, progress](uint64_t read) {
        progress->set("reading weights", std::min(99.0, 100.0 * static_cast<double>(read) /
                                                            static_cast<double>(*total)));
      });
  *total = std::max<uint64_t>(weights->bytes(), 1);
  return weights;
}

uint64_t bytes_of(const nn::Weights& weights, const LoadOptions& options, at::ScalarType type,
                  DeviceKind device) {
  if (options.dummy) return 0;
  return device == DeviceKind::cuda ? weights.bytes_as(type) : weights.bytes();
}

std::unique_ptr<schedule::Runner> make_runner(const schedule::ModelSpec& spec, nn::Model model,
                                              at::ScalarType type, Device& device) {
  ModelState state(model.shape,
                   {.pages = spec.pages, .page_size = spec.page_size, .slots = spec.slots},
                   at::TensorOptions().dtype(type));
  return make_cpu_runner(spec, std::move(model), std::move(state), device);
}

/// A model folder as config.json says it is.
struct Folder {
  nn::ConfigFile config;
  const nn::Architecture& architecture;
  Description description;
  schedule::ModelSpec spec;
};

Folder read_folder(const LoadOptions& options, std::span<const nn::Architecture> architectures,
                   DeviceKind device) {
  auto config =
      nn::ConfigFile::read(folder::transformer_folder(options.directory) + "/config.json");
  const nn::Architecture& architecture = find(config, architectures);
  Description description = describe_config(options, config, architecture, device);
  schedule::ModelSpec spec = spec_of(description, options);
  if (device == DeviceKind::cpu) spec.attention_span = attention_span(description);
  return {std::move(config), architecture, std::move(description), spec};
}

/// "the checkpoint's 3 tensors a, b, ... are not read"; none where nothing surprising is left.
std::optional<std::string> unread(const nn::Weights& weights,
                                  const nn::Architecture& architecture) {
  constexpr size_t kMostNamed = 5;
  std::vector<std::string> names = weights.unused();
  std::erase_if(names, [&](const std::string& name) {
    return std::any_of(
        architecture.unread.begin(), architecture.unread.end(),
        [&](const std::string& part) { return name.find(part) != std::string::npos; });
  });
  if (names.empty()) return std::nullopt;
  std::string text = std::to_string(names.size()) + " tensors of the checkpoint are not read: ";
  for (size_t i = 0; i < std::min(names.size(), kMostNamed); ++i)
    text += (i ? ", " : "") + excerpt(names[i]);
  return text + (names.size() > kMostNamed ? ", ..." : "");
}

/// Puts the heads of the options' folders on the model's trunk.
void add_head_folders(nn::Model& model, const LoadOptions& options, Description& description,
                      nn::Backend& backend) {
  const nn::TrunkFacts trunk{
      .architecture = description.architecture,
      .shape = model.shape,
      .gives_layers = model.trunk->gives_layers(),
      .on_gpu = description.device == DeviceKind::cuda,
      .directory = options.dummy ? "" : folder::transformer_folder(options.directory)};
  for (const std::string& directory : options.heads) {
    nn::HeadFolder folder = nn::load_head_folder(directory, trunk, backend);
    description.numbers += folder.numbers;
    model.heads.push_back(std::move(folder.head));
  }
}

/// A request names a task, not a head: two of one task could not be told apart.
void check_tasks(const std::vector<nn::NamedHead>& heads) {
  for (size_t i = 0; i < heads.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (heads[i].card.task == heads[j].card.task)
        throw nn::LoadError("the heads " + excerpt(heads[j].card.name) + " and " +
                            excerpt(heads[i].card.name) + " are both for the task " +
                            folder::to_string(heads[i].card.task) +
                            "; a model has one of a task at most");
}

/// What describe and load share: everything of a model but, for describe, its numbers.
nn::Model build(const LoadOptions& options, Folder& folder, nn::Backend& backend,
                Progress* progress) {
  Description& description = folder.description;
  const at::ScalarType type = type_of(description);
  auto weights = open_weights(options, type, backend, progress);
  // The first steps on a GPU run before its cache has its size.
  const uint32_t first_steps = std::min(description.max_model_len, options.max_batch_tokens);
  const int64_t positions = std::max(folder.spec.max_tokens, first_steps);
  nn::Model model = folder.architecture.build(
      nn::Builder({options.directory, folder.config, *weights, backend, type, positions}));
  weights->check_unchanged();
  description.weight_bytes = bytes_of(*weights, options, type, description.device);
  description.numbers = options.dummy ? 0 : weights->bytes_as(at::kByte);
  description.weight_files = weights->files();
  description.warnings = weights->warnings();
  if (auto left = unread(*weights, folder.architecture))
    description.warnings.push_back(*std::move(left));
  const auto add = [&](const std::vector<std::string>& notes) {
    description.warnings.insert(description.warnings.end(), notes.begin(), notes.end());
  };
  add(folder.config.review({folder::config_fields(), folder.architecture.fields}));
  add_head_folders(model, options, description, backend);
  check_tasks(model.heads);
  add(model.notes);
  for (const nn::NamedHead& head : model.heads) description.heads.push_back(head.card);
  folder.spec.heads = head_specs(description.heads);
  return model;
}

LoadedModel load_model(const LoadOptions& options, std::span<const nn::Architecture> architectures,
                       Device& device, Progress& progress) {
  LoadOptions most = options;  // what is left is known later; it is no more than what is free now
  if (options.left_over) most.cache_bytes = options.left_over->part_of(device.free_memory());
  Folder folder = read_folder(most, architectures, device.kind());
  nn::Model model = build(options, folder, device.backend(), &progress);
  device.loaded();
  Description& description = folder.description;
  const at::ScalarType type = type_of(description);
  std::unique_ptr<schedule::Runner> runner;
#ifdef WEIR_CUDA
  if (device.kind() == DeviceKind::cuda) {
    const auto spec_with = [&](uint64_t cache_bytes) {
      LoadOptions with = options;
      with.cache_bytes = cache_bytes;
      return spec_of(description, with);
    };
    runner = load_cuda_runner(std::move(model), {options, type, device, progress, spec_with});
  }
#endif
  if (!runner) runner = make_runner(folder.spec, std::move(model), type, device);
  description.max_model_len = runner->spec().max_tokens;
  description.max_source = runner->spec().max_source;
  return {std::move(runner), std::move(description)};
}

template <class T, class Build>
Result<T> guarded(const std::string& directory, Build build) {
  try {
    return build();
  } catch (const std::exception& failure) {
    std::string message = failure.what();
    if (message.find(directory) == std::string::npos) message = directory + ": " + message;
    return invalid(std::move(message), "model");
  }
}

}  // namespace

Result<Description> describe(const LoadOptions& options,
                             std::span<const nn::Architecture> architectures, DeviceKind device) {
  return guarded<Description>(options.directory, [&] {
    Folder folder = read_folder(options, architectures, device);
    const auto backend = nn::make_shape_backend();
    build(options, folder, *backend, nullptr);
    return std::move(folder.description);
  });
}

Result<nn::HeadAlone> describe_head(const std::string& directory,
                                    std::span<const nn::Architecture> architectures,
                                    DeviceKind device) {
  return guarded<nn::HeadAlone>(directory, [&] {
    nn::HeadAlone head = nn::check_head_folder(directory, device == DeviceKind::cuda);
    const std::string& trunk = head.trunk.architecture;
    const auto is_trunk = [&](const nn::Architecture& each) { return each.name == trunk; };
    if (!trunk.empty() && std::none_of(architectures.begin(), architectures.end(), is_trunk))
      throw nn::LoadError(directory + "/head.json: trunk: architecture " + excerpt(trunk) +
                          " is not supported (" + names_of(architectures) + ")");
    return head;
  });
}

Result<LoadedModel> load(const LoadOptions& options,
                         std::span<const nn::Architecture> architectures, Device& device,
                         Progress& progress) {
  progress.set("reading weights", 0);
  return guarded<LoadedModel>(options.directory,
                              [&] { return load_model(options, architectures, device, progress); });
}

}  // namespace weir::engine
