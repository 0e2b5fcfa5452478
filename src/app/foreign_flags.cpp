#include "app/foreign_flags.h"

#include <vector>

namespace weir::app {
namespace {

constexpr const char* kOneDevice = "weir computes on one device";
constexpr const char* kFolder = "weir takes that from the model's folder";
constexpr const char* kNoDownload = "weir downloads nothing; name a folder: --model NAME=DIR";
constexpr const char* kByProxy = "weir speaks plain HTTP; a proxy in front of it does that";
constexpr const char* kByRequest = "weir takes that from each request";
constexpr const char* kBuild = "weir takes the first GPU that its build knows, else the processor";

std::vector<ForeignFlag> of_vllm() {
  constexpr const char* kProgram = "vLLM";
  return {
      {kProgram, "--gpu-memory-utilization", "here --memory"},
      {kProgram, "--kv-cache-memory-bytes", "here --memory"},
      {kProgram, "--max-num-batched-tokens", "here --max-batch-tokens"},
      {kProgram, "--block-size", "here --page-size"},
      {kProgram, "--enable-prefix-caching", "here --prefix-cache on, the default"},
      {kProgram, "--no-enable-prefix-caching", "here --prefix-cache off"},
      {kProgram, "--enable-chunked-prefill",
       "always so; --max-chunk-tokens is the size of a chunk"},
      {kProgram, "--long-prefill-token-threshold", "here --max-chunk-tokens"},
      {kProgram, "--speculative-config", "here --drafts"},
      {kProgram, "--served-model-name", "here --model NAME=DIR"},
      {kProgram, "--uvicorn-log-level", "here --log-level"},
      {kProgram, "--disable-log-requests", "here --log-level warning"},
      {kProgram, "--disable-log-stats", "here --log-level warning"},
      {kProgram, "--enable-log-requests", "always so; no prompt is logged"},
      {kProgram, "--allowed-origins", "here --cors-origins"},
      {kProgram, "--ssl-keyfile", kByProxy},
      {kProgram, "--ssl-certfile", kByProxy},
      {kProgram, "--scheduling-policy", "always by priority, of keys and requests"},
      {kProgram, "--tensor-parallel-size", kOneDevice},
      {kProgram, "--pipeline-parallel-size", kOneDevice},
      {kProgram, "--data-parallel-size", kOneDevice},
      {kProgram, "--trust-remote-code", "weir never runs code of a model's folder"},
      {kProgram, "--tokenizer", kFolder},
      {kProgram, "--chat-template", kFolder},
      {kProgram, "--generation-config", kFolder},
      {kProgram, "--quantization", "weir takes weights that are not quantized; see --dtype"},
      {kProgram, "--kv-cache-dtype", "here --dtype, of weights and cache together"},
      {kProgram, "--download-dir", kNoDownload},
      {kProgram, "--revision", kNoDownload},
      {kProgram, "--hf-token", kNoDownload},
      {kProgram, "--device", kBuild},
      {kProgram, "--seed", kByRequest},
  };
}

std::vector<ForeignFlag> of_llama_cpp() {
  constexpr const char* kProgram = "llama.cpp";
  return {
      {kProgram, "--ctx-size", "here --max-model-len"},
      {kProgram, "-c", "here --max-model-len"},
      {kProgram, "-m", "here --model NAME=DIR"},
      {kProgram, "--batch-size", "here --max-batch-tokens"},
      {kProgram, "-b", "here --max-batch-tokens"},
      {kProgram, "--ubatch-size", "here --max-batch-tokens"},
      {kProgram, "-ub", "here --max-batch-tokens"},
      {kProgram, "--parallel", "here --max-num-seqs"},
      {kProgram, "-np", "here --max-num-seqs"},
      {kProgram, "-t", "here --threads"},
      {kProgram, "--threads-batch", "here --threads"},
      {kProgram, "-tb", "here --threads"},
      {kProgram, "--threads-http", "here --max-connections"},
      {kProgram, "--alias", "here --model NAME=DIR"},
      {kProgram, "-a", "here --model NAME=DIR"},
      {kProgram, "--api-key-file", "here --keys"},
      {kProgram, "--cache-prompt", "here --prefix-cache on, the default"},
      {kProgram, "--no-cache-prompt", "here --prefix-cache off"},
      {kProgram, "--cache-reuse", "here --prefix-cache"},
      {kProgram, "--cache-type-k", "here --dtype, of weights and cache together"},
      {kProgram, "--cache-type-v", "here --dtype, of weights and cache together"},
      {kProgram, "--draft-max", "here --drafts"},
      {kProgram, "--model-draft", "here --drafts, which need no model"},
      {kProgram, "--cont-batching", "always so"},
      {kProgram, "--metrics", "always so: /metrics"},
      {kProgram, "--embedding",
       "weir knows by the model's folder; a model that makes embeddings does"},
      {kProgram, "--embeddings",
       "weir knows by the model's folder; a model that makes embeddings does"},
      {kProgram, "--pooling", kFolder},
      {kProgram, "--jinja", "always so"},
      {kProgram, "--chat-template-file", kFolder},
      {kProgram, "--log-disable", "here --log-level off"},
      {kProgram, "--log-file", "weir logs to standard error: 2>FILE"},
      {kProgram, "--log-jsonl", "here --log-format json"},
      {kProgram, "--verbose", "here --log-level debug"},
      {kProgram, "-v", "here --log-level debug"},
      {kProgram, "--log-verbosity", "here --log-level"},
      {kProgram, "--n-gpu-layers", kBuild},
      {kProgram, "--gpu-layers", kBuild},
      {kProgram, "-ngl", kBuild},
      {kProgram, "--model-url", kNoDownload},
      {kProgram, "--hf-repo", kNoDownload},
      {kProgram, "-hf", kNoDownload},
      {kProgram, "--ssl-key-file", kByProxy},
      {kProgram, "--ssl-cert-file", kByProxy},
      {kProgram, "--n-predict", kByRequest},
      {kProgram, "--temp", kByRequest},
      {kProgram, "--top-k", kByRequest},
      {kProgram, "--top-p", kByRequest},
      {kProgram, "--min-p", kByRequest},
  };
}

std::vector<ForeignFlag> of_tei() {
  constexpr const char* kProgram = "TEI";
  return {
      {kProgram, "--model-id", "here --model NAME=DIR"},
      {kProgram, "--tokenization-workers", "here --threads"},
      {kProgram, "--max-concurrent-requests", "here --queue-requests and --max-connections"},
      {kProgram, "--max-batch-requests", "here --max-num-seqs"},
      {kProgram, "--max-client-batch-size", "here --max-body and --queue-requests"},
      {kProgram, "--payload-limit", "here --max-body"},
      {kProgram, "--auto-truncate", "weir takes that from each request: \"truncate\": true"},
      {kProgram, "--hostname", "here --host"},
      {kProgram, "--json-output", "here --log-format json"},
      {kProgram, "--cors-allow-origin", "here --cors-origins"},
      {kProgram, "--prometheus-port", "here --port: /metrics is on the same one"},
      {kProgram, "--huggingface-hub-cache", kNoDownload},
      {kProgram, "--hf-api-token", kNoDownload},
      {kProgram, "--default-prompt-name", kFolder},
  };
}

std::vector<ForeignFlag> all() {
  std::vector<ForeignFlag> table;
  for (const auto& part : {of_vllm(), of_llama_cpp(), of_tei()})
    table.insert(table.end(), part.begin(), part.end());
  return table;
}

}  // namespace

std::optional<ForeignFlag> foreign_flag(std::string_view flag) {
  for (const ForeignFlag& foreign : foreign_flags()) {
    if (foreign.flag == flag) return foreign;
  }
  return std::nullopt;
}

std::span<const ForeignFlag> foreign_flags() {
  static const std::vector<ForeignFlag> kTable = all();
  return kTable;
}

}  // namespace weir::app
