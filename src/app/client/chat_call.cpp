#include "app/client/chat_call.h"

#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>

#include "app/client/http_call.h"

namespace weir::app {
namespace {

using nlohmann::json;

constexpr int kOk = 200;

}  // namespace

double ChatAnswer::tokens_per_second() const {
  const double seconds = (to_last - to_first).count();
  return tokens > 1 && seconds > 0 ? static_cast<double>(tokens - 1) / seconds : 0;
}

std::string summary_of(const ChatAnswer& answer) {
  std::string text = fmt::format("[{} token{}", answer.tokens, answer.tokens == 1 ? "" : "s");
  if (const double pace = answer.tokens_per_second(); pace > 0)
    text += fmt::format(", {:.1f} tokens/s", pace);
  if (answer.tokens > 0) text += fmt::format(", the first after {:.2f} s", answer.to_first.count());
  if (answer.stopped) text += "; stopped";
  if (answer.cut) text += "; cut at the most tokens";
  return text + "]";
}

ChatCall::ChatCall(const DaemonAccess& access, std::string body)
    : access_(access), body_(std::move(body)), client_(make_client(access.address)) {}

Result<ChatAnswer> ChatCall::run(const std::function<bool(std::string_view)>& show) {
  begun_ = Clock::now();
  httplib::Request request;
  request.method = "POST";
  request.path = "/v1/chat/completions";
  request.headers = headers_of(access_);
  request.set_header("Content-Type", "application/json");
  request.body = body_;
  request.response_handler = [this](const httplib::Response& response) {
    status_ = response.status;
    return !stopped_;
  };
  request.content_receiver = [&](const char* data, size_t size, size_t, size_t) {
    return take_piece({data, size}, show);
  };
  const auto result = client_.send(request);
  answer_.stopped = stopped_;
  if (stopped_) return answer_;
  if (status_ == 0) return no_answer(result.error(), access_.address);
  if (status_ != kOk) return refusal_of(status_, refusal_, access_);
  if (!failure_.empty()) return Error{.code = Code::unavailable, .message = failure_};
  if (!ended_)
    return Error{.code = Code::unavailable,
                 .message = "the answer of " + url_of(access_.address) + " broke off"};
  return answer_;
}

void ChatCall::stop() {
  stopped_ = true;
  client_.stop();
}

bool ChatCall::take_piece(std::string_view piece,
                          const std::function<bool(std::string_view)>& show) {
  if (status_ != kOk)
    refusal_ += piece;
  else
    events_.feed(piece, [&](std::string_view data) { take_event(data, show); });
  return !stopped_ && failure_.empty();
}

void ChatCall::take_event(std::string_view data,
                          const std::function<bool(std::string_view)>& show) {
  if (data == "[DONE]") {
    ended_ = true;
    return;
  }
  std::string text;
  try {
    read_chunk(data, text);
  } catch (const json::exception&) {
    failure_ = "the stream of " + url_of(access_.address) + " is not weir's";
  }
  if (text.empty() || stopped_) return;
  answer_.to_last = Clock::now() - begun_;
  if (answer_.text.empty()) answer_.to_first = answer_.to_last;
  answer_.text += text;
  if (!show(text)) stopped_ = true;
}

void ChatCall::read_chunk(std::string_view data, std::string& text) {
  const json chunk = json::parse(data);
  if (chunk.contains("error")) {
    failure_ = chunk["error"].at("message").get<std::string>();
    return;
  }
  if (chunk.contains("usage") && chunk["usage"].is_object())
    answer_.tokens = chunk["usage"].at("completion_tokens").get<int64_t>();
  for (const json& choice : chunk.at("choices")) {
    if (const auto& delta = choice.at("delta"); delta.contains("content"))
      text += delta["content"].get<std::string>();
    if (choice.at("finish_reason") == "length") answer_.cut = true;
  }
}

}  // namespace weir::app
