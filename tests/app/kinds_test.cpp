#include "app/kinds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "weir/arch/table.h"

using testing::HasSubstr;

namespace weir::app {
namespace {

std::string table() {
  auto table = kinds_table();
  return table ? *table : table.error().message;
}

TEST(Kinds, EveryNameOfAnArchitectureStandsThere) {
  for (const nn::Architecture& architecture : arch::table()) {
    EXPECT_THAT(table(), HasSubstr("`" + architecture.name + "`"));
    for (const std::string& name : architecture.other_names)
      EXPECT_THAT(table(), HasSubstr("`" + name + "`"));
  }
}

TEST(Kinds, ACheckpointHasTheTasksOfItsHeads) {
  EXPECT_THAT(table(), HasSubstr("| `Qwen3ForCausalLM` | decoder | generate | "
                                 "`/v1/chat/completions`, `/v1/completions` |\n"));
  EXPECT_THAT(table(), HasSubstr(" | encoder-decoder | generate | `/v1/completions` |\n"));
  EXPECT_THAT(table(), HasSubstr("| `GruForCausalLM` | recurrent decoder | generate | "));
  EXPECT_THAT(table(), HasSubstr("| `BertForSequenceClassification` | encoder | embed, classify | "
                                 "`/v1/embeddings`, `/v1/classify`, `/v1/analyze` |\n"));
  EXPECT_THAT(table(),
              HasSubstr("| `XLMRobertaForSequenceClassification` | encoder | embed, classify | "
                        "`/v1/embeddings`, `/v1/classify`, `/v1/analyze` |\n"));
  EXPECT_THAT(table(), HasSubstr("| `BertForTokenClassification` | encoder | embed, tag | "
                                 "`/v1/embeddings`, `/v1/tag`, `/v1/analyze` |\n"));
}

TEST(Kinds, ReadmeHasTheTable) {
  std::ifstream file("README.md");
  const std::string readme(std::istreambuf_iterator<char>(file), {});
  EXPECT_THAT(readme, HasSubstr("<!-- kinds -->\n" + table() + "<!-- /kinds -->\n"))
      << "`weir check --kinds` prints it";
}

}  // namespace
}  // namespace weir::app
