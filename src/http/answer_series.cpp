#include "http/answer_series.h"

namespace weir::http {

void AnswerSeries::answered(std::string_view route, int status, double seconds) {
  std::unique_lock lock(mutex_);
  auto at = series_.find({route, status});
  if (at == series_.end())
    at = series_.emplace(std::pair(route, status), make(route, status)).first;
  const Series series = at->second;
  lock.unlock();
  series.answers.add();
  series.seconds.observe(seconds);
}

AnswerSeries::Series AnswerSeries::make(std::string_view route, int status) const {
  const std::string name(route);
  return {
      .answers = metrics_.counter("weir_http_requests_total", "HTTP requests answered.",
                                  {{"route", name}, {"status", std::to_string(status)}}),
      .seconds = metrics_.histogram("weir_http_request_seconds", "HTTP requests, header to end.",
                                    {{"route", name}}, kShortSeconds)};
}

}  // namespace weir::http
