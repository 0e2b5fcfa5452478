#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "api/codec/json_reader.h"
#include "api/codec/requests.h"
#include "weir/serve/service.h"

/// Readers of fields that several request codecs share. All throw Refusal.
namespace weir::api {

/// All of Sampling but max_tokens and logprobs: their names and forms differ between routes.
void read_sampling(Fields& fields, serve::Sampling& sampling);
std::optional<uint32_t> read_max_tokens(Fields& fields, const char* name, uint32_t least = 1);
/// Part of read_sampling(): penalties, biases and bans.
void read_logit_changes(Fields& fields, serve::Sampling& sampling);
/// Part of read_sampling(): a beam search.
void read_beams(Fields& fields, serve::Sampling& sampling);
/// Refuses what a beam search is not asked together with.
void check_beams(const serve::Generate& asked, const Presentation& presentation);
/// A list of texts, each of 1 to kLongestStop bytes and of kMostStopBytes in all.
std::vector<std::string> read_texts(const Json& value, const std::string& path);

/// From a flag and a number: logprobs, top_logprobs.
std::optional<uint32_t> read_chat_logprobs(Fields& fields);
/// From a number; false means none.
std::optional<uint32_t> read_completion_logprobs(Fields& fields);
/// REQUIRES: `presentation.stream` is known.
std::optional<uint32_t> read_prompt_logprobs(Fields& fields, const Presentation& presentation);
/// REQUIRES: max_tokens is known.
void check_min_tokens(const serve::Sampling& sampling);

Presentation read_presentation(Fields& fields);
Handling read_handling(Fields& fields);

/// The messages in the form for the template: a JSON array of {role, content, ...}.
std::string read_messages(Fields& fields);
std::string read_template_kwargs(Fields& fields);

/// Absent: empty, which means the only model that can do the task.
std::string read_model(Fields& fields);
serve::Ids read_ids(const Json& value, const std::string& path);
/// Whether the value is a list of inputs, not a list of one input's ids.
bool is_list_of_inputs(const Json& value);
/// A string, a list of strings, token ids, or a list of lists of token ids; no list may be empty.
/// The queue, not the codec, limits the number of inputs.
std::vector<serve::Input> read_inputs(const Json& value, const std::string& path);
/// One input: a string or token ids. Null: the field is absent.
std::optional<serve::Input> read_one_input(Fields& fields, const char* name);
/// Whether vectors are wanted as base64.
bool read_encoding_format(Fields& fields);
std::optional<uint32_t> read_dimensions(Fields& fields);
/// truncate, and truncate_prompt_tokens.
serve::Truncation read_truncation(Fields& fields);

}  // namespace weir::api
