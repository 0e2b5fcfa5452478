#include "app/client/conversation.h"

namespace weir::app {

using Json = nlohmann::ordered_json;

Conversation::Conversation(const ChatOptions& options)
    : system_(options.system), max_tokens_(options.max_tokens) {
  clear();
}

void Conversation::say(const std::string& text) { add("user", text); }
void Conversation::answer(const std::string& text) { add("assistant", text); }
void Conversation::take_back() { messages_.erase(messages_.size() - 1); }

void Conversation::clear() {
  messages_ = Json::array();
  if (!system_.empty()) add("system", system_);
}

std::string Conversation::body(const std::string& model) const {
  Json body{{"model", model},
            {"messages", messages_},
            {"stream", true},
            {"stream_options", {{"continuous_usage_stats", true}, {"include_usage", true}}}};
  if (max_tokens_ > 0) body["max_tokens"] = max_tokens_;
  return body.dump();
}

void Conversation::add(const char* role, const std::string& text) {
  messages_.push_back({{"role", role}, {"content", text}});
}

}  // namespace weir::app
