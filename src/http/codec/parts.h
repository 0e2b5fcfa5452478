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

/// A message list as the template is to see it: a JSON array of {role, content, ...}.
std::string read_messages(const Json& messages, const std::string& path);
std::string read_template_kwargs(Fields& fields);

std::vector<int32_t> read_ids(const Json& value, const std::string& path);
/// A string, a list of strings, token ids, or a list of token ids; at most `most`, none of them
/// empty lists.
std::vector<serve::Prompt> read_prompts(const Json& value, const std::string& path, size_t most);

}  // namespace weir::http
