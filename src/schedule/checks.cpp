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

std::string head_name(uint32_t head) { return "head " + std::to_string(head); }

Result<void> check_tokens(const work::Read& read, size_t prompt) {
  const auto& tokens = *read.tokens;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const std::string name =
        "token " + std::to_string(tokens[i]) + " is read by " + head_name(read.head);
    if (tokens[i] >= prompt)
      return invalid(name + "; the prompt has " + std::to_string(prompt) + " tokens");
    if (i > 0 && tokens[i] <= tokens[i - 1])
      return invalid(name + " after token " + std::to_string(tokens[i - 1]) +
                     "; tokens are named in ascending order");
  }
  return {};
}

Result<void> check_read(const ModelSpec& spec, const work::Read& read, size_t prompt) {
  if (read.head >= spec.heads.size())
    return invalid(head_name(read.head) + " is read; this model has " +
                   std::to_string(spec.heads.size()));
  const HeadSpec& head = spec.heads[read.head];
  if (head.draws) return invalid(head_name(read.head) + " draws tokens; it cannot be read");
  if (head.by_token && !read.tokens)
    return invalid(head_name(read.head) + " gives numbers for tokens; the request names none");
  if (!head.by_token && read.tokens)
    return invalid(head_name(read.head) +
                   " gives numbers for a whole prompt; the request names tokens");
  return read.tokens ? check_tokens(read, prompt) : Result<void>();
}

Result<void> check_reads(const ModelSpec& spec, const work::Reads& reads, size_t prompt) {
  if (reads.empty()) return invalid("the request reads no head; 1 is the least");
  for (size_t i = 0; i < reads.size(); ++i) {
    if (auto read = check_read(spec, reads[i], prompt); !read) return read;
    for (size_t j = 0; j < i; ++j)
      if (reads[j].head == reads[i].head)
        return invalid(head_name(reads[i].head) + " is read twice in one request");
  }
  return {};
}

Result<void> check_types(const ModelSpec& spec, const work::Request& request) {
  const auto& types = request.types;
  if (types.empty()) return {};
  if (types.size() != request.prompt.size())
    return invalid("prompt has " + std::to_string(request.prompt.size()) + " tokens and " +
                   std::to_string(types.size()) + " token types");
  const auto stray =
      std::ranges::find_if(types, [&](uint8_t type) { return type >= spec.token_types; });
  if (stray == types.end()) return {};
  return invalid("types[" + std::to_string(stray - types.begin()) + "] is " +
                 std::to_string(*stray) + "; this model's token types are 0 to " +
                 std::to_string(spec.token_types - 1));
}

Result<void> check_source(const ModelSpec& spec, const std::vector<int32_t>& source) {
  const std::string has = "source has " + std::to_string(source.size()) + " tokens; this model";
  if (!spec.memory.source) {
    if (source.empty()) return {};
    return invalid(has + " has no encoder apart from its decoder");
  }
  if (source.empty()) return invalid(has + "'s encoder takes at least 1");
  if (source.size() > spec.max_source)
    return invalid(has + "'s encoder takes " + std::to_string(spec.max_source));
  return check_ids("source", source, spec.vocabulary);
}

/// Does the model have what the request asks of it?
Result<void> check_task(const ModelSpec& spec, const work::Request& request) {
  const auto* reads = std::get_if<work::Reads>(&request.params);
  if (reads) return check_reads(spec, *reads, request.prompt.size());
  if (!spec.generates()) return invalid("this model reads prompts; it generates no text");
  return {};
}

Result<void> check_beams(const ModelSpec& spec, const work::SamplingParams& params,
                         size_t completions) {
  const work::Beams& beams = *params.beams;
  if (beams.beams < 2)
    return invalid("a search of " + std::to_string(beams.beams) + " beams; 2 is the least");
  if (beams.returned != completions || completions > beams.beams)
    return invalid(std::to_string(completions) + " texts of a search of " +
                   std::to_string(beams.beams) + " beams are asked for");
  const size_t likely = std::max<size_t>(2, 1 + params.stop_tokens.size()) * beams.beams;
  if (likely > spec.vocabulary)
    return invalid("a search of " + std::to_string(beams.beams) + " beams looks at " +
                   std::to_string(likely) + " ids; this model has " +
                   std::to_string(spec.vocabulary));
  return {};
}

Result<void> check_branches(const ModelSpec& spec, const work::Request& request) {
  const auto* sampling = std::get_if<work::SamplingParams>(&request.params);
  const bool beams = sampling && sampling->beams;
  if (beams) {
    if (auto good = check_beams(spec, *sampling, request.branches.size() + 1); !good) return good;
  }
  if (request.branches.empty() && !beams) return {};
  if (!work::is_drawn(request.params)) return invalid("branches are asked of a request that reads");
  if (spec.memory.slot)
    return invalid("this model keeps a state of fixed size for a sequence, which is not shared; " +
                   std::to_string(request.branches.size() + 1) + " completions of one prompt are " +
                   "asked for; 1 is the most");
  if (spec.prompt == Prompt::whole)
    return invalid("this model does not split prompts; " +
                   std::to_string(request.branches.size() + 1) + " completions of one prompt are " +
                   "asked for; 1 is the most");
  return {};
}

}  // namespace

Result<void> check_spec(const ModelSpec& spec) {
  const Memory& memory = spec.memory;
  const bool remembers = memory.pages || memory.slot;
  if (spec.max_tokens == 0) return invalid("max_tokens is 0; a model takes at least 1");
  if (spec.vocabulary == 0) return invalid("vocabulary is 0; a model has at least 1 id");
  if (memory.pages && spec.pages == 0) return invalid("the model needs pages and has 0");
  if (memory.source && !memory.pages) return invalid("the model has source pages without pages");
  if (memory.source && spec.max_source == 0)
    return invalid("max_source is 0; an encoder takes at least 1 token");
  if (!memory.source && spec.max_source > 0)
    return invalid("max_source is " + std::to_string(spec.max_source) +
                   "; the model has no source pages");
  if (memory.slot && spec.slots == 0) return invalid("the model needs slots and has 0");
  if (memory.pages && spec.page_size == 0)
    return invalid("page_size is 0; a page holds at least 1");
  if (memory.source && spec.prompt == Prompt::whole)
    return invalid("the model has a source and does not split its decoder's prompt");
  if (spec.window > 0 && !memory.pages)
    return invalid("window is " + std::to_string(spec.window) + "; the model has no pages");
  if (spec.window > 0 && spec.prompt == Prompt::whole)
    return invalid("window is " + std::to_string(spec.window) +
                   "; the model does not split prompts");
  if (spec.generates() && !remembers) return invalid("the model generates and remembers nothing");
  if (spec.prompt == Prompt::chunked && !remembers)
    return invalid("the model splits prompts and remembers nothing");
  if (spec.heads.empty()) return invalid("the model has no head");
  for (size_t i = 1; i < spec.heads.size(); ++i)
    if (spec.heads[i].draws)
      return invalid("head " + std::to_string(i) + " draws; only the first head may");
  if (spec.token_types == 0) return invalid("token_types is 0; a model has at least 1");
  if (spec.generates() && spec.token_types > 1)  // cached prefixes are found by their ids alone
    return invalid("the model draws and has token types");
  if (spec.prompt == Prompt::chunked && std::ranges::any_of(spec.heads, &HeadSpec::by_token))
    return invalid("the model splits prompts and has a head that reads single tokens of them");
  return {};
}

Result<void> check_request(const ModelSpec& spec, const work::Request& request) {
  if (request.prompt.empty()) return invalid("prompt has 0 tokens; this model takes at least 1");
  if (auto task = check_task(spec, request); !task) return task;
  if (auto branches = check_branches(spec, request); !branches) return branches;
  if (auto source = check_source(spec, request.source); !source) return source;
  const bool drawn = work::is_drawn(request.params);
  const size_t most = drawn ? spec.max_tokens - 1 : spec.max_tokens;
  if (request.prompt.size() > most)
    return invalid("prompt has " + std::to_string(request.prompt.size()) +
                   " tokens; this model takes " + std::to_string(most) +
                   (drawn ? " and one of completion" : ""));
  if (auto types = check_types(spec, request); !types) return types;
  if (auto ids = check_ids("prompt", request.prompt, spec.vocabulary); !ids) return ids;
  if (const auto* sampling = std::get_if<work::SamplingParams>(&request.params)) {
    if (sampling->prompt_logprobs && spec.memory.source)
      return invalid("prompt_logprobs is asked for; what an encoder reads has none");
    return check_sampling(*sampling, spec.vocabulary);
  }
  return {};
}

}  // namespace weir::schedule
