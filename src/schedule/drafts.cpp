#include "weir/schedule/drafts.h"

#include <algorithm>
#include <cmath>

namespace weir::schedule {
namespace {

constexpr size_t kLongMatch = 8;  // longer ones are no surer
constexpr double kFollow = 0.1;

size_t match(std::span<const int32_t> tokens, size_t end) {
  size_t length = 0;
  while (length < kLongMatch && length < end &&
         tokens[end - 1 - length] == tokens[tokens.size() - 1 - length])
    ++length;
  return length;
}

}  // namespace

size_t look_up(std::span<const int32_t> tokens, uint32_t most, std::vector<int32_t>& to) {
  size_t from = 0, longest = 0;
  for (size_t end = tokens.size(); --end > 0 && longest < kLongMatch;) {
    if (tokens[end - 1] != tokens.back()) continue;
    if (const size_t length = match(tokens, end); length > longest) {
      longest = length;
      from = end;
    }
  }
  if (longest == 0) return 0;
  const size_t period = tokens.size() - from;
  for (size_t i = 0; i < most; ++i) to.push_back(tokens[from + i % period]);
  return longest;
}

uint32_t Drafts::guess(std::span<const int32_t> tokens, double cost, uint32_t most) {
  tokens_.assign(1, tokens.back());
  const size_t matched = look_up(tokens, most + 1, tokens_);
  long_ = matched > 1;
  return count_ = matched > 0 ? worth(cost, most) : 0;
}

uint32_t Drafts::worth(double cost, uint32_t most) const {
  const double trust = trust_[long_];
  if (trust <= cost || most == 0) return 0;
  const double count = std::log(cost) / std::log(trust);  // trust^count = cost
  return count < most ? static_cast<uint32_t>(count) : most;
}

bool Drafts::came(uint32_t index, int32_t token) {
  if (index + 1 >= tokens_.size()) return false;
  const bool guessed = tokens_[index + 1] == token;
  trust_[long_] += kFollow * ((guessed ? 1 : 0) - trust_[long_]);
  return guessed;
}

}  // namespace weir::schedule
