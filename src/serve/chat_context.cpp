#include <nlohmann/json.hpp>

#include "prompts.h"

namespace weir::serve {
namespace {

constexpr const char* kKwargs = "chat_template_kwargs";

/// The members of template_kwargs as `"name":value,...`, each after a comma.
Result<std::string> extra_members(const std::string& kwargs) {
  if (kwargs.empty()) return std::string();
  const auto object = nlohmann::ordered_json::parse(kwargs, nullptr, false);
  if (!object.is_object()) return invalid(std::string(kKwargs) + " is no JSON object", kKwargs);
  std::string members;
  for (const auto& [name, value] : object.items()) {
    if (name == "messages" || name == "tools" || name == "add_generation_prompt")
      return invalid(std::string(kKwargs) + '.' + name + " is set by the request's own " + name,
                     std::string(kKwargs) + '.' + name);
    members += ',' + nlohmann::json(name).dump() + ':' + value.dump();
  }
  return members;
}

}  // namespace

Result<std::string> chat_context(const ChatRequest& request) {
  auto extra = extra_members(request.template_kwargs);
  if (!extra) return extra.error();
  std::string context = "{\"messages\":" + request.messages;
  if (!request.tools.empty()) context += ",\"tools\":" + request.tools;
  context += request.add_generation_prompt ? ",\"add_generation_prompt\":true"
                                           : ",\"add_generation_prompt\":false";
  return context + *extra + '}';
}

}  // namespace weir::serve
