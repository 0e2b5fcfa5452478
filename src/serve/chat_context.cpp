#include <nlohmann/json.hpp>

#include "prompts.h"
#include "weir/base/error_name.h"

namespace weir::serve {
namespace {

constexpr const char* kKwargs = "chat_template_kwargs";

/// The members of template_kwargs as they were given, each after a comma.
Result<std::string> extra_members(const std::string& kwargs) {
  if (kwargs.empty()) return std::string();
  const auto object = nlohmann::json::parse(kwargs, nullptr, false);
  if (!object.is_object())
    return invalid(std::string(kKwargs) + " is no JSON object", kKwargs, error_name::kInvalidType);
  for (const std::string name : {"messages", "tools", "add_generation_prompt"})
    if (object.contains(name))
      return invalid(std::string(kKwargs) + '.' + name + " is set by the request's own " + name,
                     std::string(kKwargs) + '.' + name, error_name::kInvalidValue);
  if (object.empty()) return std::string();
  const size_t begin = kwargs.find('{') + 1;
  return ',' + kwargs.substr(begin, kwargs.rfind('}') - begin);
}

constexpr const char* kDeveloper = "developer";

/// "developer" is OpenAI's newer name of the role "system". Most templates do not know it. They
/// would write such a message under that name, or drop it.
std::string messages_for(const text::ChatTemplate& chat_template, const std::string& messages) {
  if (messages.find(kDeveloper) == std::string::npos) return messages;
  if (chat_template.mentions(kDeveloper)) return messages;
  auto list = nlohmann::ordered_json::parse(messages, nullptr, false);
  if (list.is_discarded()) return messages;
  for (auto& message : list)
    if (message.is_object() && message.value("role", "") == kDeveloper) message["role"] = "system";
  return list.dump();
}

}  // namespace

Result<std::string> chat_context(const Chat& chat, const text::ChatTemplate& chat_template) {
  auto extra = extra_members(chat.template_kwargs);
  if (!extra) return extra.error();
  std::string context = "{\"messages\":" + messages_for(chat_template, chat.messages);
  if (!chat.tools.empty()) context += ",\"tools\":" + chat.tools;
  context += chat.add_generation_prompt ? ",\"add_generation_prompt\":true"
                                        : ",\"add_generation_prompt\":false";
  return context + *extra + '}';
}

}  // namespace weir::serve
