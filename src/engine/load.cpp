#include "weir/engine/load.h"

#include <algorithm>
#include <exception>

#include "engine/cpu_runner.h"
#include "engine/kv_cache.h"
#include "weir/kernels/cpu_isa.h"
#include "weir/nn/rows.h"
#ifdef WEIR_CUDA
#include "engine/load_cuda.h"
#endif

namespace weir::engine {
namespace {

const nn::Architecture& find(const nn::ConfigFile& config,
                             std::span<const nn::Architecture> architectures) {
  std::string wanted = "none", known;
  const auto& json = config.json();
  if (json.contains("architectures") && json["architectures"].is_array())
    for (const auto& name : json["architectures"]) {
      if (!name.is_string()) continue;
      wanted = name.get<std::string>();
      for (const auto& architecture : architectures)
        if (architecture.name == wanted) return architecture;
    }
  for (const auto& architecture : architectures)
    known += (known.empty() ? "" : ", ") + architecture.name;
  config.refuse("architecture " + wanted + " is not supported (" + known + ")");
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
  if (config.has("quantization_config"))
    config.refuse("quantization_config: quantized checkpoints are not supported");
  Description result;
  result.architecture = architecture.name;
  result.shape = architecture.describe(config);
  at::ScalarType type = resolve_type(options.dtype, result.shape, device);
  result.dtype = type == at::kFloat ? "float32" : "bfloat16";
  result.costs = kernels::cpu_costs(kernels::cpu_isa(), nn::dtype_of(type));
  result.max_model_len = resolve_length(options.max_model_len, result.shape);
  if (result.shape.kv_heads)
    result.page_bytes = KvCache::page_bytes(result.shape, options.page_size, type);
  return result;
}

at::ScalarType type_of(const Description& description) {
  return description.dtype == "float32" ? at::kFloat : at::kBFloat16;
}

/// Positions to which attention costs a token as much as its matrix products, on a CPU. An MLP is
/// taken as 8 hidden^2 weights (2 x 4 or 3 x 8/3).
uint32_t attention_span(const Description& description) {
  const nn::Shape& shape = description.shape;
  const int64_t ratio = description.costs.products_to_attention;
  int64_t width = shape.heads * shape.head_dim;
  int64_t weights = 2 * shape.hidden * (width + shape.kv_heads * shape.head_dim) +
                    8 * shape.hidden * shape.hidden;
  return static_cast<uint32_t>(
      std::max<int64_t>(1, weights / (2 * ratio * std::max<int64_t>(width, 1))));
}

schedule::ModelSpec spec_of(const Description& description, const LoadOptions& options) {
  schedule::ModelSpec spec;
  spec.generates = description.shape.generates;
  spec.prompt = description.shape.kv_heads ? schedule::Prompt::chunked : schedule::Prompt::whole;
  spec.memory.pages = description.shape.kv_heads != 0;
  spec.vocabulary = static_cast<uint32_t>(description.shape.vocabulary);
  spec.max_tokens = description.max_model_len;
  spec.page_size = options.page_size;
  if (spec.memory.pages) {
    uint64_t one_sequence = (description.max_model_len + options.page_size - 1) / options.page_size;
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
    // A sequence longer than the whole cache could never end.
    spec.max_tokens = std::min(spec.max_tokens, spec.pages * spec.page_size);
  }
  return spec;
}

std::unique_ptr<nn::Weights> open_weights(const LoadOptions& options, at::ScalarType type,
                                          Device& device, Progress& progress) {
  if (options.dummy) return nn::make_dummy_weights(0, device.backend().device(), type);
  auto total = std::make_shared<uint64_t>(1);
  auto weights = nn::open_safetensors(options.directory, [total, &progress](uint64_t read) {
    progress.set("reading weights",
                 std::min(99.0, 100.0 * static_cast<double>(read) / static_cast<double>(*total)));
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
  KvCache cache;
  if (spec.memory.pages)
    cache = KvCache(model.shape, spec.pages, spec.page_size, at::TensorOptions().dtype(type));
  return make_cpu_runner(spec, std::move(model), std::move(cache), device);
}

LoadedModel load_model(const LoadOptions& options, std::span<const nn::Architecture> architectures,
                       Device& device, Progress& progress) {
  auto config = nn::ConfigFile::read(options.directory + "/config.json");
  const nn::Architecture& architecture = find(config, architectures);
  LoadedModel loaded;
  loaded.description = describe_config(options, config, architecture, device.kind());
  at::ScalarType type = type_of(loaded.description);
  auto weights = open_weights(options, type, device, progress);
  nn::Model model = architecture.build({options.directory, config, *weights, device.backend(), type,
                                        static_cast<int64_t>(loaded.description.max_model_len)});
  loaded.description.weight_bytes = bytes_of(*weights, options, type, device.kind());
  loaded.description.fingerprint = weights->fingerprint();
  weights->drop_pages();
#ifdef WEIR_CUDA
  if (device.kind() == DeviceKind::cuda) {
    const auto spec_with = [&](uint64_t cache_bytes) {
      LoadOptions with = options;
      with.cache_bytes = cache_bytes;
      return spec_of(loaded.description, with);
    };
    loaded.runner =
        load_cuda_runner(std::move(model), {options, type, device, progress, spec_with});
    loaded.description.max_model_len = loaded.runner->spec().max_tokens;
    return loaded;
  }
#endif
  schedule::ModelSpec spec = spec_of(loaded.description, options);
  spec.attention_span = attention_span(loaded.description);
  loaded.runner = make_runner(spec, std::move(model), type, device);
  loaded.description.max_model_len = loaded.runner->spec().max_tokens;
  return loaded;
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
    auto config = nn::ConfigFile::read(options.directory + "/config.json");
    Description result = describe_config(options, config, find(config, architectures), device);
    if (!options.dummy) {
      auto weights = nn::open_safetensors(options.directory, {});
      result.numbers = weights->bytes_as(at::kByte);
      result.weight_bytes = bytes_of(*weights, options, type_of(result), device);
      result.fingerprint = weights->fingerprint();
    }
    return result;
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
