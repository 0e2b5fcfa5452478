#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "app/command_line.h"

namespace weir::app {

/// The messages between a user and a model. Used by one thread.
class Conversation {
 public:
  /// Begins with the options' system message, if they have one. All texts are UTF-8.
  explicit Conversation(const ChatOptions& options);

  void say(const std::string& text);     // of the user
  void answer(const std::string& text);  // of the model
  /// Takes back the last say(), which was not answered.
  void take_back();
  /// Begins anew, with the system message alone.
  void clear();

  /// The body of the request for the model's next answer, as a stream with continuous usage.
  std::string body(const std::string& model) const;

 private:
  void add(const char* role, const std::string& text);

  const std::string system_;
  const uint32_t max_tokens_;
  nlohmann::ordered_json messages_;
};

}  // namespace weir::app
