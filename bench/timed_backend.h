#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "weir/nn/backend.h"

namespace weir::bench {

/// Time by operation, in order of first use. Used by one thread.
class Times {
 public:
  void add(const std::string& name, std::chrono::nanoseconds time);
  void clear() { entries_.clear(); }
  void print(int steps) const;

 private:
  struct Entry {
    std::string name;
    std::chrono::nanoseconds time{0};
    int calls = 0;
  };
  std::vector<Entry> entries_;
};

/// `backend` with every operation and product timed; both are borrowed and outlive it.
std::unique_ptr<nn::Backend> timed(nn::Backend& backend, Times& times);

}  // namespace weir::bench
