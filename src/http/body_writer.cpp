#include "http/body_writer.h"

#include <fmt/format.h>

#include <string_view>

namespace weir::http {
namespace {

constexpr std::chrono::milliseconds kLook{150};  // between two looks at the client

bool write_all(httplib::Stream& to, std::string_view data) {
  while (!data.empty()) {
    const ssize_t sent = to.write(data.data(), data.size());
    if (sent < 0) return false;
    data.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

}  // namespace

BodyWriter::State BodyWriter::run(httplib::Stream& to) {
  for (;;) {
    const api::Body::Piece piece = body_->next(kLook);
    if (peer_left(to)) return State::lost;
    if (piece.last) {
      ended_ = !piece.failure.empty();
      failure_ = piece.failure;
      if (!send(to, piece)) return State::lost;
      ended_ = true;
      return State::over;
    }
    if (piece.text.empty()) {
      auto wake = body_->wake();
      if (!wake) continue;
      wake_ = *std::move(wake);
      return to.is_peer_alive() ? State::waits : State::lost;
    }
    if (!send(to, piece)) return State::lost;
  }
}

bool BodyWriter::peer_left(httplib::Stream& to) {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < kLook) return false;
  looked_ = now;
  return !to.is_peer_alive();
}

bool BodyWriter::send(httplib::Stream& to, const api::Body::Piece& piece) const {
  if (!in_chunks_) return write_all(to, piece.text);
  std::string chunk;
  if (!piece.text.empty()) chunk = fmt::format("{:x}\r\n{}\r\n", piece.text.size(), piece.text);
  if (piece.last) chunk += "0\r\n\r\n";
  return write_all(to, chunk);
}

}  // namespace weir::http
