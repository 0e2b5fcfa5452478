#include "app/plan.h"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

TEST(Plan, OptionsOfAModelReachTheLoader) {
  Config config{.load_format = "dummy", .max_num_seqs = 5, .max_batch_tokens = 6, .page_size = 32};
  auto options = load_options(
      {.name = "n", .directory = "/m/n", .heads = {"/h"}, .dtype = "bfloat16", .max_model_len = 77},
      config);
  EXPECT_EQ(options.directory, "/m/n");
  EXPECT_EQ(options.heads, std::vector<std::string>{"/h"});
  EXPECT_EQ(options.dtype, engine::DType::bfloat16);
  EXPECT_EQ(options.max_model_len, 77u);
  EXPECT_EQ(options.page_size, 32u);
  EXPECT_TRUE(options.dummy);
  std::vector<PlannedModel> models(1);
  set_step_limits(models, config, {});
  EXPECT_EQ(models[0].load.max_sequences, 5u);
  EXPECT_EQ(models[0].load.max_batch_tokens, 6u);
}

TEST(Plan, AHeadMadeForShorterInputsIsNamed) {
  const std::vector<folder::HeadCard> heads{{.name = "any"}, {.name = "short", .max_tokens = 256}};
  EXPECT_EQ(warn_of_length(heads, 256), std::vector<std::string>{});
  EXPECT_EQ(warn_of_length(heads, 512),
            std::vector<std::string>{"head short was made for inputs of at most 256 tokens; the "
                                     "model reads 512 at once"});
}

}  // namespace
}  // namespace weir::app
