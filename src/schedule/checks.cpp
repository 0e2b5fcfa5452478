#include "schedule/checks.h"

#include <algorithm>
#include <string>
#include <variant>

#include "weir/schedule/scheduler.h"
#include "weir/work/ids.h"

namespace weir::schedule {
namespace {

Result<void> check_ids(const std::string& name, std::span<const int32_t> ids, uint32_t vocabulary) {
  const auto stray = work::find_stray(ids, vocabulary);
  if (!stray) return {};
  return invalid(name + "[" + std::to_string(stray->place) + "] is " + std::to_string(stray->id) +
                 "; this model's ids are 0 to " + std::to_string(vocabulary - 1));
}

/// Every id that the sampler reads.
Result<void> check_sampling(const work::SamplingParams& params, uint32_t vocabulary) {
  if (auto ids = check_ids("stop_tokens", params.stop_tokens, vocabulary); !ids) return ids;
  if (auto ids = check_ids("allowed_tokens", params.allowed_tokens, vocabulary); !ids) return ids;
  for (const auto& word : params.bad_words) {
    if (word.empty()) return invalid("bad_words holds an empty word");
    if (auto ids = check_ids("bad_words", word, vocabulary); !ids) return ids;
  }
  for (const auto& [id, bias] : params.bias)
    if (auto ids = check_ids("bias", {&id, 1}, vocabulary); !ids) return ids;
  if (!std::ranges::is_sorted(params.allowed_tokens))
    return invalid("allowed_tokens does not rise");
  return {};
}

}  // namespace

Result<void> check_spec(const ModelSpec& spec) {
  const Memory& memory = spec.memory;
  const bool remembers = memory.pages || memory.slot;
  if (spec.max_tokens == 0) return invalid("max_tokens is 0; a model takes at least 1");
  if (spec.vocabulary == 0) return invalid("vocabulary is 0; a model has at least 1 id");
  if (memory.pages && spec.pages == 0) return invalid("the model needs pages and has 0");
  if (memory.cross_pages && !memory.pages)
    return invalid("the model has cross pages without pages");
  if (memory.cross_pages && spec.cross_pages == 0)
    return invalid("the model needs cross pages and has 0");
  if (memory.slot && spec.slots == 0) return invalid("the model needs slots and has 0");
  if (memory.pages && spec.page_size == 0)
    return invalid("page_size is 0; a page holds at least 1");
  if (memory.cross_pages && spec.prompt == Prompt::chunked)
    return invalid("the model splits the prompt of an encoder");
  if (spec.generates && !remembers) return invalid("the model generates and remembers nothing");
  if (spec.prompt == Prompt::chunked && !remembers)
    return invalid("the model splits prompts and remembers nothing");
  return {};
}

Result<void> check_request(const ModelSpec& spec, const work::Request& request) {
  if (request.prompt.empty()) return invalid("prompt has 0 tokens; this model takes at least 1");
  if (std::holds_alternative<work::SamplingParams>(request.params) != spec.generates)
    return invalid(spec.generates ? "this model generates text; it gives no embeddings"
                                  : "this model gives embeddings; it generates no text");
  const size_t most = spec.generates ? spec.max_tokens - 1 : spec.max_tokens;
  if (request.prompt.size() > most)
    return invalid("prompt has " + std::to_string(request.prompt.size()) +
                   " tokens; this model takes " + std::to_string(most) +
                   (spec.generates ? " and one of completion" : ""));
  if (auto ids = check_ids("prompt", request.prompt, spec.vocabulary); !ids) return ids;
  if (const auto* sampling = std::get_if<work::SamplingParams>(&request.params)) {
    if (sampling->prompt_logprobs && spec.memory.cross_pages)
      return invalid("prompt_logprobs is asked for; the prompt of an encoder has none");
    return check_sampling(*sampling, spec.vocabulary);
  }
  return {};
}

}  // namespace weir::schedule
