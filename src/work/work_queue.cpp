#include "weir/work/work_queue.h"

#include <iterator>
#include <utility>

namespace weir::work {
namespace {

std::string limit_message(std::string what, size_t value, const char* limit_name, size_t limit) {
  return std::move(what) + ' ' + std::to_string(value) + "; " + limit_name + ' ' +
         std::to_string(limit);
}

}  // namespace

WorkQueue::WorkQueue(Limits limits, std::shared_ptr<Doorbell> bell)
    : limits_(limits), bell_(std::move(bell)) {}

Result<void> WorkQueue::push(std::vector<Request>& requests) {
  size_t tokens = 0;
  for (const Request& request : requests) tokens += request.prompt.size();
  if (requests.size() > limits_.requests)
    return invalid(limit_message("inputs in one request:", requests.size(),
                                 "this model's queue holds", limits_.requests));
  if (tokens > limits_.tokens)
    return invalid(limit_message("tokens in one request:", tokens, "this model's queue holds",
                                 limits_.tokens));
  {
    std::lock_guard lock(mutex_);
    if (closed_)
      return Error{.code = Code::unavailable, .message = "this model takes no more requests"};
    const size_t waiting_requests = requests_.size() + held_requests_;
    if (waiting_requests + requests.size() > limits_.requests)
      return Error{.code = Code::overloaded,
                   .message = limit_message("requests that wait for this model:", waiting_requests,
                                            "its queue holds", limits_.requests)};
    const size_t waiting_tokens = tokens_ + held_tokens_;
    if (waiting_tokens + tokens > limits_.tokens)
      return Error{.code = Code::overloaded,
                   .message = limit_message("tokens that wait for this model:", waiting_tokens,
                                            "its queue holds", limits_.tokens)};
    requests_.insert(requests_.end(), std::make_move_iterator(requests.begin()),
                     std::make_move_iterator(requests.end()));
    tokens_ += tokens;
  }
  requests.clear();
  if (bell_) bell_->ring();
  return {};
}

std::vector<Request> WorkQueue::take_all() {
  std::lock_guard lock(mutex_);
  std::vector<Request> taken(std::make_move_iterator(requests_.begin()),
                             std::make_move_iterator(requests_.end()));
  held_requests_ += requests_.size();
  held_tokens_ += std::exchange(tokens_, 0);
  requests_.clear();
  return taken;
}

void WorkQueue::set_held(size_t requests, size_t tokens) {
  std::lock_guard lock(mutex_);
  held_requests_ = requests;
  held_tokens_ = tokens;
}

size_t WorkQueue::waiting() const {
  std::lock_guard lock(mutex_);
  return requests_.size() + held_requests_;
}

void WorkQueue::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
}

}  // namespace weir::work
