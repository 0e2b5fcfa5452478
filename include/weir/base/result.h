#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace weir {

/// What went wrong, in the words every floor shares. `api` maps each to a status and an error
/// type.
enum class Code : uint8_t {
  invalid_argument,    // the request is wrong: value, type, range, unknown field, prompt too long
  unauthenticated,     // no key, or a key nobody knows
  permission_denied,   // the key may not do this
  not_found,           // no such model or route
  method_not_allowed,  // the route exists, the method does not
  too_large,           // the body is over its limit
  unsupported_media,   // a content type or encoding that is not taken
  rate_limited,        // a client's limit; paid again after `retry_after`
  never_fits,          // a client's limit that this request can never meet
  overloaded,          // our own limit: a queue is full
  unavailable,         // loading, draining or gone
  deadline,            // the request's own deadline passed
  cancelled,           // the client left
  internal,            // a fault of ours
};

/// An error as a value. `message` names the thing, the value and the limit; `param` the request
/// field, by path.
struct Error {
  Code code = Code::internal;
  std::string message;
  std::string param = {};
  /// OpenAI's name of this error where it has one that says more than `code`
  /// ("context_length_exceeded"): clients branch on it. Static text; null: the name that `code`
  /// has.
  const char* name = nullptr;
  std::optional<std::chrono::milliseconds> retry_after = {};
  /// The unit of the limit that refused ("requests" or "tokens"); only with rate_limited and
  /// never_fits.
  std::string limit_unit = {};
  /// Of a request that a line refused or dropped: its place there (1: next), and how long its first
  /// row was predicted to take.
  std::optional<size_t> queue_position = {};
  std::optional<std::chrono::milliseconds> predicted_wait = {};
  /// Trying again soon is of no use, whatever the code says of it: a quota is spent.
  bool never_retry = false;
};

/// A value or an Error. REQUIRES of `operator*`, `->`: has a value; of `error()`: has none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  template <class U>
  requires(std::is_convertible_v<U&&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
           !std::is_same_v<std::remove_cvref_t<U>, Error> &&
           !std::is_same_v<std::remove_cvref_t<U>, Result>) Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  Error& error() { return std::get<1>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  explicit operator bool() const { return !error_; }
  Error& error() { return *error_; }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

inline Error invalid(std::string message, std::string param = {}) {
  return Error{
      .code = Code::invalid_argument, .message = std::move(message), .param = std::move(param)};
}

}  // namespace weir
