#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace weir::serve {

/// The key of a request in the response cache: SHA-256 of everything that decides its answer.
/// Requests with the same key have the same answer.
using ResponseKey = std::array<unsigned char, 32>;

struct ResponseKeyHash {
  size_t operator()(const ResponseKey& key) const {
    size_t hash = 0;
    std::memcpy(&hash, key.data(), sizeof hash);
    return hash;
  }
};

/// Hashes fields one after another, without a copy of them. A field of variable length is preceded
/// by its length, so two different lists of fields never give the same bytes.
class KeyBytes {
 public:
  KeyBytes();
  ~KeyBytes();
  KeyBytes(const KeyBytes&) = delete;

  void add(uint64_t number) { hash(&number, sizeof number); }
  void add(std::string_view text) {
    add(text.size());
    hash(text.data(), text.size());
  }
  template <class Number>
  void add(const std::vector<Number>& numbers) {
    add(numbers.size());
    hash(numbers.data(), numbers.size() * sizeof(Number));
  }
  template <class Number>
  void add_optional(const std::optional<Number>& number) {
    add(uint64_t{number.has_value()});
    add(static_cast<uint64_t>(number.value_or(0)));
  }

  /// The key of all that was added. Nothing may be added after it.
  ResponseKey digest();

 private:
  class State;
  void hash(const void* data, size_t size);
  std::unique_ptr<State> state_;
};

}  // namespace weir::serve
