#include "app/foreign_flags.h"

#include <algorithm>
#include <vector>

#include "app/foreign_flags/programs.h"

namespace weir::app {
namespace {

std::vector<ForeignFlag> all() {
  const std::pair<std::string_view, std::vector<FlagGroup>> programs[] = {
      {"vLLM", flags_of_vllm()}, {"llama.cpp", flags_of_llama_cpp()}, {"TEI", flags_of_tei()}};
  std::vector<ForeignFlag> table;
  for (const auto& [program, groups] : programs)
    for (const FlagGroup& group : groups)
      for (std::string_view flag : group.flags) table.push_back({program, flag, group.answer});
  return table;
}

std::optional<ForeignFlag> find(std::string_view flag) {
  const auto table = foreign_flags();
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const ForeignFlag& each) { return each.flag == flag; });
  return found == table.end() ? std::nullopt : std::optional(*found);
}

}  // namespace

std::optional<ForeignFlag> foreign_flag(std::string_view flag) {
  // vLLM takes "--max_num_seqs" and "--speculative-config.method"; vLLM and llama.cpp take
  // "--no-...".
  constexpr std::string_view kNo = "--no-";
  std::string name(flag.substr(0, flag.find('.')));
  std::replace(name.begin(), name.end(), '_', '-');
  if (auto found = find(name)) return found;
  return name.starts_with(kNo) ? find("--" + name.substr(kNo.size())) : std::nullopt;
}

std::span<const ForeignFlag> foreign_flags() {
  static const std::vector<ForeignFlag> kTable = all();
  return kTable;
}

}  // namespace weir::app
