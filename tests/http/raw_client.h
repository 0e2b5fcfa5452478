#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fakes/events.h"

namespace weir::http {

struct RawAnswer {
  int status = 0;  // 0: the connection ended before an answer came
  std::string reason;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  nlohmann::json json() const { return nlohmann::json::parse(body); }
};

/// A connection that says exactly what it is told.
class RawClient {
 public:
  explicit RawClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    timeval limit{10, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
  }
  RawClient(RawClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), buffer_(std::move(other.buffer_)) {}
  ~RawClient() { close(); }

  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

  bool send(const std::string& bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      ssize_t n = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<size_t>(n);
    }
    return true;
  }

  /// Reads until `text` has come; false if the connection ends first.
  bool read_until(const std::string& text) {
    while (buffer_.find(text) == std::string::npos) {
      if (!fill()) return false;
    }
    return true;
  }

  bool read_more() { return fill(); }

  /// Says that nothing more will be sent.
  void half_close() { ::shutdown(socket_, SHUT_WR); }

  RawAnswer answer() {
    RawAnswer answer;
    if (!read_until("\r\n\r\n")) return answer;
    size_t head = buffer_.find("\r\n\r\n");
    parse_head(buffer_.substr(0, head), answer);
    buffer_.erase(0, head + 4);
    if (answer.status < 200 || answer.status == 204) return answer;
    if (auto coding = answer.headers.find("transfer-encoding"); coding != answer.headers.end()) {
      read_chunks(answer);
    } else if (answer.headers.count("content-length")) {
      size_t length = std::stoul(answer.headers["content-length"]);
      while (buffer_.size() < length && fill()) {
      }
      answer.body = buffer_.substr(0, length);
      buffer_.erase(0, length);
    } else {
      while (fill()) {
      }
      answer.body = std::exchange(buffer_, "");
    }
    return answer;
  }

  /// Whether the server ends the connection, with nothing more to say, within `limit`.
  bool ends_within(std::chrono::milliseconds limit) {
    pollfd entry{socket_, POLLIN, 0};
    if (poll(&entry, 1, static_cast<int>(limit.count())) <= 0) return false;
    char byte;
    return buffer_.empty() && recv(socket_, &byte, 1, 0) <= 0;
  }

  const std::string& unread() const { return buffer_; }

 private:
  bool fill() {
    char data[16384];
    ssize_t n = recv(socket_, data, sizeof data, 0);
    if (n > 0) buffer_.append(data, static_cast<size_t>(n));
    return n > 0;
  }

  static void parse_head(const std::string& head, RawAnswer& answer) {
    answer.status = std::stoi(head.substr(9, 3));
    size_t at = head.find("\r\n");
    answer.reason = head.substr(13, at - 13);
    while (at != std::string::npos) {
      size_t end = head.find("\r\n", at + 2);
      std::string line = head.substr(at + 2, end == std::string::npos ? end : end - at - 2);
      size_t colon = line.find(": ");
      std::string name = line.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      answer.headers[name] = line.substr(colon + 2);
      at = end;
    }
  }

  void read_chunks(RawAnswer& answer) {
    for (;;) {
      if (!read_until("\r\n")) return;
      size_t line = buffer_.find("\r\n");
      size_t size = std::stoul(buffer_.substr(0, line), nullptr, 16);
      while (buffer_.size() < line + 4 + size) {
        if (!fill()) return;
      }
      answer.body += buffer_.substr(line + 2, size);
      buffer_.erase(0, line + 4 + size);
      if (size == 0) return;
    }
  }

  int socket_;
  std::string buffer_;
};

inline std::string post(const std::string& path, const std::string& body,
                        const std::string& headers = "") {
  std::string text = "POST ";
  text.append(path).append(
      " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ");
  return text.append(std::to_string(body.size()))
      .append("\r\n")
      .append(headers)
      .append("\r\n")
      .append(body);
}

inline std::string get(const std::string& path, const std::string& headers = "") {
  return std::string("GET ")
      .append(path)
      .append(" HTTP/1.1\r\nHost: localhost\r\n")
      .append(headers)
      .append("\r\n");
}

using fakes::events;

}  // namespace weir::http
