#include <algorithm>
#include <cmath>

#include "weir/work/outlook.h"

namespace weir::work {
namespace {

std::chrono::milliseconds milliseconds(double seconds) {
  constexpr double kLongest = 1e9;
  return std::chrono::milliseconds(std::llround(1000 * std::min(seconds, kLongest)));
}

/// Seconds until the `nth` seat from now (1: the next) is free.
double seat_free_in(const Outlook& outlook, size_t nth) {
  const size_t taken = outlook.free_in.size();
  if (taken == 0) return 0;
  const size_t rounds = (nth - 1) / taken;
  return outlook.free_in[(nth - 1) % taken] + outlook.seat_seconds * static_cast<double>(rounds);
}

double seat_wait(const Outlook& outlook, const Ahead& ahead) {
  const size_t free = outlook.seats - std::min(outlook.seats, outlook.taken);
  if (ahead.requests < free) return 0;
  const size_t share = std::max<size_t>(1, outlook.seats / std::max<size_t>(1, ahead.clients));
  if (ahead.clients > 1 && ahead.running + ahead.own < share)  // a client above its share yields
    return outlook.step_seconds * static_cast<double>(ahead.own + 1);
  return seat_free_in(outlook, ahead.requests - free + 1);
}

}  // namespace

QueueForecast forecast(const Outlook& outlook, const Ahead& ahead, size_t prompt_tokens) {
  QueueForecast result{.position = ahead.requests};
  const double rate = outlook.prompt_tokens_per_s;
  const auto seconds = [&](double tokens) { return rate > 0 ? tokens / rate : 0; };
  const double half_a_step = outlook.taken > 0 ? outlook.step_seconds / 2 : 0;
  const double seat = seat_wait(outlook, ahead);
  // Prompts before it that wait for seats are computed as seats come free, not after that.
  const double prompts =
      seconds(outlook.prompt_tokens_left + (seat > 0 ? 0.0 : static_cast<double>(ahead.tokens)));
  const double wait = std::max(seat, prompts) + half_a_step;
  result.wait = milliseconds(wait);
  result.first_token = milliseconds(wait + seconds(static_cast<double>(prompt_tokens)));
  return result;
}

}  // namespace weir::work
