#include "weir/schedule/drafts.h"

#include <algorithm>
#include <cmath>

namespace weir::schedule {
namespace {

constexpr size_t kLeastMatch = 2;  // one token alone is followed by anything
constexpr size_t kLongMatch = 8;   // longer ones are no surer
constexpr double kFollow = 0.1;

size_t match(std::span<const int32_t> tokens, size_t end) {
  size_t length = 0;
  while (length < kLongMatch && length < end &&
         tokens[end - 1 - length] == tokens[tokens.size() - 1 - length])
    ++length;
  return length;
}

}  // namespace

void look_up(std::span<const int32_t> tokens, uint32_t most, std::vector<int32_t>& to) {
  size_t from = 0, longest = kLeastMatch - 1;
  for (size_t end = tokens.size(); --end > 0 && longest < kLongMatch;) {
    if (tokens[end - 1] != tokens.back()) continue;
    if (const size_t length = match(tokens, end); length > longest) {
      longest = length;
      from = end;
    }
  }
  if (from == 0) return;
  const size_t period = tokens.size() - from;
  for (size_t i = 0; i < most; ++i) to.push_back(tokens[from + i % period]);
}

uint32_t Drafts::guess(std::span<const int32_t> tokens, double cost, uint32_t most) {
  const uint32_t wanted = worth(cost, most);
  tokens_.assign(1, tokens.back());
  look_up(tokens, std::max(wanted, 1u), tokens_);
  return count_ = std::min(wanted, static_cast<uint32_t>(tokens_.size()) - 1);
}

uint32_t Drafts::worth(double cost, uint32_t most) const {
  if (trust_ <= cost || most == 0) return 0;
  const double count = std::log(cost) / std::log(trust_);  // trust^count = cost
  return count < most ? static_cast<uint32_t>(count) : most;
}

bool Drafts::came(uint32_t index, int32_t token) {
  if (index + 1 >= tokens_.size()) return false;
  const bool guessed = tokens_[index + 1] == token;
  trust_ += kFollow * ((guessed ? 1 : 0) - trust_);
  return guessed;
}

}  // namespace weir::schedule
