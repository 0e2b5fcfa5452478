#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::serve {

/// The automaton of Aho and Corasick (1975): finds many strings in one pass over a text. A state is
/// the longest end of the text so far that is the beginning of one of the strings. Immutable,
/// shared by threads.
class StopTree {
 public:
  using State = uint32_t;
  static constexpr State kStart = 0;

  /// REQUIRES: no stop is empty.
  explicit StopTree(std::vector<std::string> stops);

  State step(State from, char byte) const;
  /// The longest stop that ends in this state; null: none.
  const std::string* stop_at(State state) const;
  /// How many bytes at the text's end may still become a stop.
  size_t open_bytes(State state) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Node {
    char byte = 0;
    uint32_t first_child = kNone, sibling = kNone;
    State fallback = kStart;  // the longest proper end of this state that is a state
    uint32_t depth = 0;       // bytes
    uint32_t stop = kNone;    // index into stops_
  };

  State child(State of, char byte) const;  // kNone: there is none
  void add(uint32_t stop);
  void link();

  const std::vector<std::string> stops_;
  std::vector<Node> nodes_{Node{}};
};

}  // namespace weir::serve
