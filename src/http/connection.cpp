#include "http/connection.h"

#include <string_view>

namespace weir::http {

Connection::HeadState Connection::take_head() {
  constexpr std::string_view kEmptyLine = "\r\n";
  for (;;) {
    while (!head_begun && stream.arrived().starts_with(kEmptyLine)) stream.drop(kEmptyLine.size());
    const std::string_view bytes = stream.arrived();
    head_begun |= !bytes.empty() && bytes != "\r";
    const auto state = head_begun ? head.look(bytes) : RequestHead::State::partial;
    if (state == RequestHead::State::complete) return HeadState::complete;
    if (state == RequestHead::State::refused) return HeadState::refused;
    if (!stream.take_arrived()) break;
  }
  if (stream.failure() != GuardedStream::Failure::none) return HeadState::closed;
  return head_begun ? HeadState::partial : HeadState::none;
}

}  // namespace weir::http
