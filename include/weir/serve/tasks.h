#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "weir/folder/head_card.h"

namespace weir::serve {

using folder::HeadTask;

/// A set of tasks: those that can be asked of a model.
class Tasks {
 public:
  constexpr Tasks() = default;
  constexpr Tasks(std::initializer_list<HeadTask> tasks) {
    for (HeadTask task : tasks) add(task);
  }
  /// The tasks of a model with these heads.
  explicit Tasks(const std::vector<folder::HeadCard>& heads) {
    for (const folder::HeadCard& head : heads) add(head.task);
  }

  constexpr void add(HeadTask task) { bits_ |= bit(task); }
  constexpr bool has(HeadTask task) const { return (bits_ & bit(task)) != 0; }
  constexpr bool has_all(Tasks tasks) const { return (bits_ & tasks.bits_) == tasks.bits_; }
  constexpr bool empty() const { return bits_ == 0; }
  friend constexpr bool operator==(Tasks, Tasks) = default;

  std::vector<std::string_view> names() const;  // "embed", "tag"
  std::string what_they_do() const;             // "makes embeddings and tags words"

 private:
  static constexpr uint8_t bit(HeadTask task) { return uint8_t(1U << static_cast<uint8_t>(task)); }
  uint8_t bits_ = 0;
};

}  // namespace weir::serve
