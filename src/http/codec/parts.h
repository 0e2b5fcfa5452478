#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "http/codec/json_reader.h"
#include "http/codec/requests.h"
#include "weir/serve/service.h"

/// Pieces that several request codecs share. All throw Refusal.
namespace weir::http {

/// Everything of Sampling but max_tokens, whose names differ.
void read_sampling(Fields& fields, serve::Sampling& sampling);
std::optional<uint32_t> read_max_tokens(Fields& fields, const char* name);
/// After max_tokens is known.
void check_min_tokens(const serve::Sampling& sampling);

Presentation read_presentation(Fields& fields);
Handling read_handling(Fields& fields);

/// The messages as the template is to see them: a JSON array of {role, content, ...}.
std::string read_messages(Fields& fields);
std::string read_template_kwargs(Fields& fields);

std::vector<int32_t> read_ids(const Json& value, const std::string& path);
/// Whether it holds prompts, not the ids of one.
bool is_list_of_prompts(const Json& value);
/// A string, a list of strings, token ids, or a list of token ids, none of them an empty list. How
/// many may wait is the queue's affair.
std::vector<serve::Prompt> read_prompts(const Json& value, const std::string& path);

}  // namespace weir::http
