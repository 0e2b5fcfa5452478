#include <csignal>
#include <filesystem>
#include <future>

#include "app/client/chat_call.h"
#include "app/client/choose_model.h"
#include "app/client/console.h"
#include "app/client/conversation.h"
#include "app/client/reach.h"
#include "app/commands.h"
#include "weir/base/utf8.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kLook{20};
constexpr int kSignalled = 128;
constexpr const char* kAnew = "/new";

/// The flags of `weir serve` that a daemon of our own gets. What the environment and the file say,
/// it reads itself.
std::vector<std::string> flags_of_own(const Command& command) {
  std::vector<std::string> flags;
  if (!command.config.empty()) flags.push_back("--config=" + command.config);
  for (const auto& [name, texts] : command.flags) {
    if (name == "host" || name == "port" || name == "api-key" || name == "data-dir") continue;
    for (const std::string& text : texts) flags.push_back("--" + name + "=" + text);
  }
  return flags;
}

bool is_model_folder(const std::string& text) {
  std::error_code failure;
  return !text.empty() &&
         std::filesystem::exists(std::filesystem::path(text) / "config.json", failure);
}

bool gives_models(const Command& command) {
  const auto given = [&](const char* name) {
    const auto texts = command.flags.find(name);
    return texts != command.flags.end() && !texts->second.empty();
  };
  return given("model") || given("models-dir");
}

/// A running daemon, or one of our own if none answers and there are models to serve. `model`: its
/// name becomes empty where it is the folder of the only model.
Result<ReachedDaemon> reach(const Resolved& resolved, const Command& command, std::string& model,
                            Console& console) {
  auto running = reach_running(resolved);
  if (running) {
    if (gives_models(command))
      console.note("weir: asks the daemon at " + url_of(running->client.access().address) +
                   "; --model and --models-dir are for one of its own, where none answers\n");
    return running;
  }
  if (running.error().code != Code::unavailable && running.error().code != Code::internal)
    return running.error();
  std::vector<std::string> flags = flags_of_own(command);
  const bool has_models = !resolved.config.models.empty() || !resolved.config.models_dir.empty();
  if (!has_models && is_model_folder(model)) {
    flags.push_back("--model=" + std::exchange(model, ""));
  } else if (!has_models) {
    return Error{.code = Code::unavailable,
                 .message = running.error().message +
                            "; start one (weir serve), say where it is (--host, --port), or give a "
                            "model to serve (--model NAME=DIR)"};
  }
  return start_own(flags, console);
}

class Chat {
 public:
  Chat(Console& console, const DaemonAccess& access, std::string model, const ChatOptions& options)
      : console_(console), access_(access), model_(std::move(model)), conversation_(options) {}

  /// Until the input ends or a signal ends it. Returns the exit code.
  int run() {
    if (console_.has_person())
      console_.note("Chat with " + without_controls(model_) + " at " + url_of(access_.address) +
                    ". Ctrl-C stops an answer, Ctrl-D ends, /new begins anew.\n");
    while (true) {
      if (console_.has_person()) console_.note("> ");
      const auto line = console_.read_line();
      if (!line) return end();
      const int code = take(*line);
      if (code != 0) return code;
    }
  }

 private:
  int end() {
    if (console_.has_person()) console_.note("\n");
    return console_.signal() ? kSignalled + *console_.signal() : 0;
  }

  /// The exit code if the chat ends with this line, else 0.
  int take(std::string line) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) return 0;
    if (line == kAnew) return conversation_.clear(), 0;
    if (valid_utf8(line) != line) return refused(invalid("the message is not UTF-8"));
    conversation_.say(line);
    auto answer = ask();
    if (!answer || answer->text.empty())
      conversation_.take_back();
    else
      conversation_.answer(answer->text);
    const int code = answer ? show_end(*answer) : refused(answer.error());
    return code == 0 && console_.signal() ? after_signal(*console_.signal()) : code;
  }

  int show_end(const ChatAnswer& answer) {
    if (!answer.text.ends_with('\n')) gone_ = !console_.write("\n") || gone_;
    console_.note(summary_of(answer) + "\n");
    return gone_ ? kFailed : 0;
  }

  /// A person goes on after Ctrl-C; a pipe does not.
  int after_signal(int number) {
    if (number != SIGINT || !console_.has_person()) return kSignalled + number;
    console_.forget_signal();
    return 0;
  }

  int refused(const Error& error) {
    console_.note("weir: " + without_controls(error.message) + "\n");
    return console_.has_person() ? 0 : kFailed;
  }

  Result<ChatAnswer> ask() {
    ChatCall call(access_, conversation_.body(model_));
    auto answer = std::async(std::launch::async, [&] {
      return call.run([this](std::string_view text) {
        gone_ = gone_ || !console_.write(text);
        return !gone_;
      });
    });
    while (answer.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready)
      if (console_.wait_for_signal(kLook)) {
        call.stop();
        answer.wait_for(kLook);
      }
    return answer.get();
  }

  Console& console_;
  const DaemonAccess access_;
  const std::string model_;
  Conversation conversation_;
  bool gone_ = false;  // nobody reads standard output; written by the call's thread while it runs
};

Result<int> chat_until_end(const Resolved& resolved, const Command& command, Console& console) {
  ChatOptions options = command.chat;
  if (valid_utf8(options.system) != options.system) return invalid("--system is not UTF-8");
  auto daemon = reach(resolved, command, options.model, console);
  if (!daemon) return daemon.error();
  auto states = wait_until_loaded(*daemon, options.model, console);
  if (!states) return states.error();
  if (auto failure = failure_of(*states, options.model)) return *failure;
  auto model = choose_model(daemon->client, options);
  if (!model) return model.error();
  return Chat(console, daemon->client.access(), *model, options).run();
}

}  // namespace

int chat(const Resolved& resolved, const Command& command) {
  Console console;
  auto ended = chat_until_end(resolved, command, console);
  if (ended) return *ended;
  if (const auto signal = console.signal()) return kSignalled + *signal;
  return fail(kFailed, {.message = without_controls(ended.error().message)});
}

}  // namespace weir::app
