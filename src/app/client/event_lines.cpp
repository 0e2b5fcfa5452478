#include "app/client/event_lines.h"

namespace weir::app {

void EventLines::feed(std::string_view piece, const std::function<void(std::string_view)>& event) {
  constexpr std::string_view kData = "data: ";
  for (size_t end; (end = piece.find('\n')) != std::string_view::npos;) {
    line_ += piece.substr(0, end);
    piece.remove_prefix(end + 1);
    if (line_.starts_with(kData)) event(std::string_view(line_).substr(kData.size()));
    line_.clear();
  }
  line_ += piece;
}

}  // namespace weir::app
