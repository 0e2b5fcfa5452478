#pragma once

#include <string_view>
#include <vector>

namespace weir::app {

/// Flags of another program with the same answer.
struct FlagGroup {
  std::string_view answer;
  std::vector<std::string_view> flags;
};

std::vector<FlagGroup> flags_of_vllm();       // vllm/engine/arg_utils.py, cli_args.py
std::vector<FlagGroup> flags_of_llama_cpp();  // tools/server/README.md
std::vector<FlagGroup> flags_of_tei();        // router/src/main.rs

/// Answers to flags of several programs.
inline constexpr std::string_view kOneDevice = "weir computes on one device";
inline constexpr std::string_view kFolder = "weir takes that from the model's folder";
inline constexpr std::string_view kNoDownload =
    "weir downloads nothing; name a folder: --model NAME=DIR";
inline constexpr std::string_view kByProxy =
    "weir speaks plain HTTP; a proxy in front of it does that";
inline constexpr std::string_view kPathByProxy =
    "weir is served at /; a proxy in front of it cuts a path off";
inline constexpr std::string_view kByRequest = "weir takes that from each request";
inline constexpr std::string_view kByDefaults =
    "weir takes that from each request, else from generation_config.json in the model's folder";
inline constexpr std::string_view kBuild =
    "weir takes the first GPU that its build knows, else the processor";
inline constexpr std::string_view kKindByFolder =
    "weir knows by the model's folder whether it generates or makes embeddings";
inline constexpr std::string_view kMemory = "here --memory";
inline constexpr std::string_view kName = "here --model NAME=DIR";
inline constexpr std::string_view kStepTokens = "here --max-batch-tokens";
inline constexpr std::string_view kSequences = "here --max-num-seqs";
inline constexpr std::string_view kCacheType = "here --dtype, of weights and cache together";
inline constexpr std::string_view kDrafts = "here --drafts, which need no model";
inline constexpr std::string_view kOrigins = "here --cors-origins; other headers of CORS are fixed";
inline constexpr std::string_view kAutomatic = "weir decides that itself";
inline constexpr std::string_view kNoPrompts = "no prompt and no answer is ever logged";
inline constexpr std::string_view kNoTraces =
    "traces are not built; /metrics and the log tell of each request";
inline constexpr std::string_view kNoAdapters =
    "adapters are not built: merge them into the weights";
inline constexpr std::string_view kNoMedia = "images, audio and video are not built";
inline constexpr std::string_view kNoTools = "calls of tools are not built";
inline constexpr std::string_view kNoReasoning =
    "reasoning is not split off: it stays in the answer's text";
inline constexpr std::string_view kNoGrammar = "answers that follow a grammar are not built";
inline constexpr std::string_view kLogprobs =
    "weir tells up to 20 logprobs, of the logits as the model gave them";
inline constexpr std::string_view kNoSockets = "weir listens on one address: --host and --port";

}  // namespace weir::app
