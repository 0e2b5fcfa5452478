#include "stop_tree.h"

#include <deque>
#include <utility>

namespace weir::serve {

StopTree::StopTree(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (uint32_t i = 0; i < stops_.size(); ++i) add(i);
  link();
}

StopTree::State StopTree::child(State of, char byte) const {
  State at = nodes_[of].first_child;
  while (at != kNone && nodes_[at].byte != byte) at = nodes_[at].sibling;
  return at;
}

void StopTree::add(uint32_t stop) {
  State at = kStart;
  for (char byte : stops_[stop]) {
    State next = child(at, byte);
    if (next == kNone) {
      next = static_cast<State>(nodes_.size());
      nodes_.push_back(
          {.byte = byte, .sibling = nodes_[at].first_child, .depth = nodes_[at].depth + 1});
      nodes_[at].first_child = next;
    }
    at = next;
  }
  nodes_[at].stop = stop;
}

// Breadth first: a fallback is shorter than its state, so it is linked before the state.
void StopTree::link() {
  std::deque<State> todo{kStart};
  for (; !todo.empty(); todo.pop_front()) {
    const State parent = todo.front();
    for (State at = nodes_[parent].first_child; at != kNone; at = nodes_[at].sibling) {
      if (parent != kStart) nodes_[at].fallback = step(nodes_[parent].fallback, nodes_[at].byte);
      if (nodes_[at].stop == kNone) nodes_[at].stop = nodes_[nodes_[at].fallback].stop;
      todo.push_back(at);
    }
  }
}

StopTree::State StopTree::step(State from, char byte) const {
  while (true) {
    const State next = child(from, byte);
    if (next != kNone) return next;
    if (from == kStart) return kStart;
    from = nodes_[from].fallback;
  }
}

const std::string* StopTree::stop_at(State state) const {
  return nodes_[state].stop == kNone ? nullptr : &stops_[nodes_[state].stop];
}

size_t StopTree::open_bytes(State state) const {
  while (state != kStart && nodes_[state].first_child == kNone) state = nodes_[state].fallback;
  return nodes_[state].depth;
}

}  // namespace weir::serve
