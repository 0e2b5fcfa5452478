#include "http/connection.h"

#include <string_view>

namespace weir::http {

Connection::Head Connection::take_head() {
  constexpr std::string_view kEmptyLine = "\r\n";
  for (;;) {
    while (!head_begun && stream.arrived().starts_with(kEmptyLine)) stream.drop(kEmptyLine.size());
    const std::string_view bytes = stream.arrived();
    head_begun |= !bytes.empty() && bytes != "\r";
    const auto state = head_begun ? head.look(bytes) : RequestHead::State::partial;
    if (state == RequestHead::State::complete) return Head::complete;
    if (state == RequestHead::State::refused) return Head::refused;
    if (!stream.take_arrived()) break;
  }
  if (stream.failure() != GuardedStream::Failure::none) return Head::closed;
  return head_begun ? Head::partial : Head::none;
}

}  // namespace weir::http
