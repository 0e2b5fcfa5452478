#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "api/codec/parts.h"
#include "weir/base/excerpt.h"

namespace weir::api {
namespace {

constexpr std::array<std::string_view, 5> kRoles{"system", "developer", "user", "assistant",
                                                 "tool"};

// The text parts of a content list, joined by line breaks. vLLM does the same for templates that
// expect a string.
std::string read_parts(const Fields& message, const Json& parts, const std::string& path) {
  if (parts.empty())
    refuse(fmt::format("{} must not be empty", path), path, error_name::kEmptyArray);
  std::string joined;
  for (size_t i = 0; i < parts.size(); ++i) {
    Fields part = message.inner(parts[i], element(path, i));
    std::string type = text_at(part.required("type"), part.path_of("type"));
    if (type != "text") {
      refuse(
          fmt::format("{} is \"{}\"; only text is supported", part.path_of("type"), excerpt(type)),
          part.path_of("type"), error_name::kInvalidValue);
    }
    if (i > 0) joined += '\n';
    joined += text_at(part.required("text"), part.path_of("text"));
    part.no_others();
  }
  return joined;
}

std::string read_content(Fields& message, const std::string& role) {
  if (role != "assistant") message.required("content");
  const Json* content = message.find("content");
  std::string path = message.path_of("content");
  if (!content) return "";
  if (content->is_string()) return content->get<std::string>();
  if (content->is_array()) return read_parts(message, *content, path);
  refuse(
      fmt::format("{} must be a string or an array of text parts, not {}", path, kind_of(*content)),
      path, error_name::kInvalidType);
}

// The fields that an answer's message may have beside its text. A client may send such a message
// back unchanged. Some clients write these fields into every message.
void read_answer_fields(Fields& message) {
  for (const char* name : {"tool_calls", "function_call", "refusal", "audio", "annotations"}) {
    const Json* value = message.find(name);
    bool empty_list = value && value->is_array() && value->empty();
    if (value && !empty_list) {
      refuse(fmt::format("\"{}\" is not supported", message.path_of(name)), message.path_of(name),
             error_name::kUnsupportedParameter);
    }
  }
}

/// `read`, with its fields in the order of `given`. Fields that `given` lacks come last.
Json in_order_of(const Json& given, const Json& read) {
  Json ordered = Json::object();
  for (const auto& field : given.items()) {
    if (auto at = read.find(field.key()); at != read.end()) ordered[field.key()] = *at;
  }
  ordered.update(read);
  return ordered;
}

Json read_message(const Json& value, Fields message) {
  std::string role = text_at(message.required("role"), message.path_of("role"));
  if (std::find(kRoles.begin(), kRoles.end(), role) == kRoles.end()) {
    refuse(fmt::format("{} is \"{}\"; the roles are system, developer, user, assistant, tool",
                       message.path_of("role"), excerpt(role)),
           message.path_of("role"), error_name::kInvalidValue);
  }
  Json read = {{"role", role}, {"content", read_content(message, role)}};
  if (auto name = message.text("name")) read["name"] = *name;
  if (role == "tool") {
    if (auto id = message.text("tool_call_id")) read["tool_call_id"] = *id;
  }
  read_answer_fields(message);
  message.no_others();
  return in_order_of(value, read);
}

}  // namespace

std::string read_messages(Fields& fields) {
  fields.required("messages");
  const Json& messages = *fields.array("messages");
  const std::string path = fields.path_of("messages");
  if (messages.empty()) {
    refuse(fmt::format("{} must not be empty", path), path, error_name::kEmptyArray);
  }
  Json read = Json::array();
  for (size_t i = 0; i < messages.size(); ++i) {
    read.push_back(read_message(messages[i], fields.inner(messages[i], element(path, i))));
  }
  return read.dump();
}

std::string read_template_kwargs(Fields& fields) {
  const Json* kwargs = fields.object("chat_template_kwargs");
  return kwargs && !kwargs->empty() ? kwargs->dump() : "";
}

}  // namespace weir::api
