#include "weir/serve/tasks.h"

#include <array>

namespace weir::serve {
namespace {

struct Words {
  HeadTask task;
  std::string_view name, does;
};

constexpr std::array kWords{Words{HeadTask::generate, "generate", "generates text"},
                            Words{HeadTask::embed, "embed", "makes embeddings"},
                            Words{HeadTask::classify, "classify", "classifies texts"},
                            Words{HeadTask::tag, "tag", "tags words"}};

}  // namespace

std::vector<std::string_view> Tasks::names() const {
  std::vector<std::string_view> names;
  for (const Words& words : kWords)
    if (has(words.task)) names.push_back(words.name);
  return names;
}

std::string Tasks::what_they_do() const {
  std::vector<std::string_view> parts;
  for (const Words& words : kWords)
    if (has(words.task)) parts.push_back(words.does);
  if (parts.empty()) return "does nothing";
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 < parts.size() ? ", " : " and ";
    text += parts[i];
  }
  return text;
}

}  // namespace weir::serve
