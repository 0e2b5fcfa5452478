#include "weir/work/work_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "weir/base/error_name.h"
#include "work/census.h"

namespace weir::work {
namespace {

std::string limit_message(std::string what, size_t value, const char* limit_name, size_t limit) {
  return std::move(what) + ' ' + std::to_string(value) + "; " + limit_name + ' ' +
         std::to_string(limit);
}

size_t above(size_t value, size_t limit) { return value > limit ? value - limit : 0; }

WorkQueue::Asker asker_of(const Request& request) {
  return {request.client, request.priority, request.weight};
}

}  // namespace

WorkQueue::WorkQueue(Limits limits, std::shared_ptr<Doorbell> bell, const ServiceOrder& order)
    : limits_(limits), bell_(std::move(bell)), order_(order), census_(std::make_unique<Census>()) {}

WorkQueue::~WorkQueue() = default;

Result<void> WorkQueue::push(std::vector<Request>& requests) {
  size_t tokens = 0;
  for (Request& request : requests) {
    tokens += request.input_tokens();
    request.level = order_.level(request.priority, request.weight);
  }
  if (auto fits = check_count(requests.size()); !fits) return fits;
  if (tokens > limits_.tokens)
    return invalid(limit_message("tokens in one request:", tokens, "this model's queue holds",
                                 limits_.tokens));
  {
    std::lock_guard lock(mutex_);
    if (closed_)
      return Error{.code = Code::unavailable, .message = "this model takes no more requests"};
    const auto lowest =
        std::min_element(requests.begin(), requests.end(),
                         [](const Request& a, const Request& b) { return a.level < b.level; });
    if (lowest == requests.end()) return {};
    if (auto room = check_room(asker_of(*lowest), requests.size(), tokens); !room) return room;
    for (Request& request : requests) {
      const auto wait = forecast_locked(asker_of(request), request.input_tokens()).wait;
      request.foretold = std::chrono::duration_cast<std::chrono::milliseconds>(
          wait / std::max(outlook_.lateness, 0.01));
      count(request);
    }
    requests_.insert(requests_.end(), std::make_move_iterator(requests.begin()),
                     std::make_move_iterator(requests.end()));
  }
  requests.clear();
  if (bell_) bell_->ring();
  return {};
}

Result<void> WorkQueue::check_count(size_t requests) const {
  if (requests <= limits_.requests) return {};
  return invalid(limit_message("inputs in one request:", requests, "this model's queue holds",
                               limits_.requests),
                 "", error_name::kArrayAboveMax);
}

Result<void> WorkQueue::room_for(const Asker& asker, size_t requests) const {
  if (auto fits = check_count(requests); !fits) return fits;
  std::lock_guard lock(mutex_);
  return check_room(asker, requests, requests);
}

Result<void> WorkQueue::check_room(const Asker& lowest, size_t requests, size_t tokens) const {
  const auto now = census_->waiting();
  const size_t more_requests = above(now.requests + requests, limits_.requests);
  const size_t more_tokens = above(now.tokens + tokens, limits_.tokens);
  if (more_requests == 0 && more_tokens == 0) return {};
  const auto below = census_->waiting_below(order_.level(lowest.priority, lowest.weight));
  if (more_requests <= below.requests && more_tokens <= below.tokens) return {};
  const auto place = forecast_locked(lowest, tokens);
  const bool by_count = more_requests > below.requests;
  return Error{.code = Code::overloaded,
               .message = by_count
                              ? limit_message("requests that wait for this model:", now.requests,
                                              "its queue holds", limits_.requests)
                              : limit_message("tokens that wait for this model:", now.tokens,
                                              "its queue holds", limits_.tokens),
               .queue_position = place.position + 1,
               .predicted_wait = place.wait};
}

size_t WorkQueue::waiting() const {
  std::lock_guard lock(mutex_);
  return census_->waiting().requests;
}

void WorkQueue::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
}

QueueForecast WorkQueue::forecast(const Asker& asker, size_t prompt_tokens) const {
  std::lock_guard lock(mutex_);
  return forecast_locked(asker, prompt_tokens);
}

QueueForecast WorkQueue::forecast_waiting(const Asker& asker, size_t prompt_tokens,
                                          size_t requests) const {
  std::lock_guard lock(mutex_);
  Ahead before = ahead(asker);
  before.requests -= std::min(before.requests, requests);
  before.own -= std::min(before.own, requests);
  before.tokens -= std::min(before.tokens, prompt_tokens);
  return work::forecast(outlook_, before, prompt_tokens);
}

Ahead WorkQueue::ahead(const Asker& asker) const {
  return census_->ahead(asker.client, order_.level(asker.priority, asker.weight),
                        order_.charge(1, asker.weight));
}

QueueForecast WorkQueue::forecast_locked(const Asker& asker, size_t tokens) const {
  return work::forecast(outlook_, ahead(asker), tokens);
}

QueueForecast WorkQueue::forecast_last() const {
  std::lock_guard lock(mutex_);
  const auto all = census_->waiting();
  return work::forecast(outlook_, {.requests = all.requests, .tokens = all.tokens}, 0);
}

Outlook WorkQueue::outlook() const {
  std::lock_guard lock(mutex_);
  return outlook_;
}

std::vector<Request> WorkQueue::take_all() {
  std::lock_guard lock(mutex_);
  std::vector<Request> taken(std::make_move_iterator(requests_.begin()),
                             std::make_move_iterator(requests_.end()));
  requests_.clear();
  return taken;
}

void WorkQueue::started(const Facts& request) {
  std::lock_guard lock(mutex_);
  census_->run(request.client);
  census_->leave(request.client, request.level, request.prompt_tokens);
}

void WorkQueue::dropped(const Facts& request) {
  std::lock_guard lock(mutex_);
  census_->leave(request.client, request.level, request.prompt_tokens);
}

void WorkQueue::ended(const std::string& client) {
  std::lock_guard lock(mutex_);
  census_->stop(client);
}

void WorkQueue::release_all() {
  std::lock_guard lock(mutex_);
  census_->clear();
  for (const Request& request : requests_) count(request);
}

void WorkQueue::count(const Request& request) {
  census_->arrive(request.client, request.level, order_.charge(1, request.weight),
                  request.input_tokens());
}

WorkQueue::Excess WorkQueue::excess() const {
  std::lock_guard lock(mutex_);
  const auto now = census_->waiting();
  return {above(now.requests, limits_.requests), above(now.tokens, limits_.tokens)};
}

void WorkQueue::set_outlook(Outlook outlook) {
  std::lock_guard lock(mutex_);
  outlook_ = std::move(outlook);
}

}  // namespace weir::work
