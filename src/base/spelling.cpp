#include "weir/base/spelling.h"

namespace weir {

bool edits_at_most(std::string_view a, std::string_view b, size_t most) {
  size_t same = 0;
  while (same < a.size() && same < b.size() && a[same] == b[same]) ++same;
  a.remove_prefix(same);
  b.remove_prefix(same);
  if (a.empty() || b.empty()) return a.size() + b.size() <= most;
  if (most == 0) return false;
  const bool swapped = a.size() > 1 && b.size() > 1 && a[0] == b[1] && a[1] == b[0];
  return (swapped && edits_at_most(a.substr(2), b.substr(2), most - 1)) ||
         edits_at_most(a.substr(1), b, most - 1) || edits_at_most(a, b.substr(1), most - 1) ||
         edits_at_most(a.substr(1), b.substr(1), most - 1);
}

}  // namespace weir
