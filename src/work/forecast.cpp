#include <algorithm>
#include <cmath>

#include "weir/work/outlook.h"

namespace weir::work {
namespace {

constexpr size_t kMostParts = 4;  // clients that share a step's room for prompts at most

std::chrono::milliseconds milliseconds(double seconds) {
  constexpr double kLongest = 1e9;
  return std::chrono::milliseconds(std::llround(1000 * std::min(seconds, kLongest)));
}

/// Seconds until a seat is free for the `nth` time from now (1: the next), those that are free now
/// left aside. A seat that is free is taken at once and free again at any time, once in
/// `seat_seconds` on the average: of k seats that have been free since f_1 ... f_k, that is
/// k + ((t - f_1) + ... + (t - f_k)) / seat_seconds times by t. Solved for t, for the k at which t
/// comes before the next one's f.
double seat_free_in(const Outlook& outlook, size_t nth) {
  const size_t taken = outlook.free_in.size();
  if (taken == 0)
    return static_cast<double>(nth) * outlook.seat_seconds / std::max(1u, outlook.seats);
  double sum = 0, time = 0;
  for (size_t k = 1; k <= taken; ++k) {
    const double last = outlook.free_in[k - 1];
    const double more = nth > k ? static_cast<double>(nth - k) * outlook.seat_seconds : 0;
    sum += last;
    time = std::max(last, (sum + more) / static_cast<double>(k));
    if (nth <= k || k == taken || time <= outlook.free_in[k]) break;
  }
  return time;
}

/// Does a client above its share of the seats make way for it?
bool is_light(const Outlook& outlook, const Ahead& ahead) {
  const size_t share = outlook.seats / std::max<size_t>(1, ahead.clients);
  return ahead.clients > 1 && ahead.running + ahead.own < std::max<size_t>(1, share);
}

}  // namespace

QueueForecast forecast(const Outlook& outlook, const Ahead& ahead, size_t prompt_tokens) {
  QueueForecast result{.position = ahead.requests};
  const double rate = outlook.prompt_tokens_per_s;
  const auto seconds = [&](double tokens) { return rate > 0 ? tokens / rate : 0; };
  const size_t free = outlook.seats - std::min(outlook.seats, outlook.taken);
  double wait = outlook.taken > 0 ? outlook.step_seconds / 2 : 0;
  double prompt = seconds(static_cast<double>(prompt_tokens));
  if (is_light(outlook, ahead)) {  // its part of the next step's room is kept for it
    if (free <= ahead.own) wait += outlook.step_seconds * static_cast<double>(ahead.own + 1);
    prompt *= static_cast<double>(std::min(ahead.clients, kMostParts));
  } else if (ahead.requests < free) {
    wait += seconds(outlook.prompt_tokens_left + static_cast<double>(ahead.tokens));
  } else {  // prompts before it are computed as seats come free, not after that
    wait += std::max(outlook.lateness * seat_free_in(outlook, ahead.requests - free + 1),
                     seconds(outlook.prompt_tokens_left));
  }
  result.wait = milliseconds(wait);
  result.first_token = milliseconds(wait + prompt);
  return result;
}

}  // namespace weir::work
