#include <algorithm>
#include <string>

#include "weir/traffic/duration.h"
#include "weir/traffic/gate.h"

namespace weir::traffic {
namespace {

/// The bucket with the least remaining; of equal ones the one that takes longest to fill.
const CellState* tightest(const std::vector<CellState>& cells, bool of_requests) {
  const CellState* found = nullptr;
  for (const CellState& cell : cells) {
    if (cell.limit.unit == Unit::concurrent || cell.limit.unit == Unit::capacity) continue;
    if ((cell.limit.unit == Unit::requests) != of_requests) continue;
    bool tighter = found == nullptr || cell.remaining < found->remaining ||
                   (cell.remaining == found->remaining && cell.full_in > found->full_in);
    if (tighter) found = &cell;
  }
  return found;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> limit_headers(
    const std::vector<CellState>& cells) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (bool of_requests : {true, false}) {
    const CellState* cell = tightest(cells, of_requests);
    if (cell == nullptr) continue;
    std::string unit = of_requests ? "requests" : "tokens";
    headers.emplace_back("x-ratelimit-limit-" + unit, std::to_string(cell->limit.cap));
    headers.emplace_back("x-ratelimit-remaining-" + unit,
                         std::to_string(std::max<int64_t>(0, cell->remaining)));
    headers.emplace_back("x-ratelimit-reset-" + unit, go_duration(cell->full_in));
  }
  return headers;
}

}  // namespace weir::traffic
