#include <gmock/gmock.h>

#include "byte_model.h"

namespace weir::serve {
namespace {

using testing::EndsWith;

class LoadEncoder : public testing::Test {
 protected:
  Result<Encoder> load() { return load_encoder(folder_.path(), 512, 300); }
  int32_t start() {
    auto encoder = load();
    EXPECT_TRUE(encoder) << encoder.error().message;
    return encoder ? encoder->decoder_start : -1;
  }
  uint32_t length() {
    auto encoder = load();
    EXPECT_TRUE(encoder) << encoder.error().message;
    return encoder ? encoder->max_tokens : 0;
  }
  std::string refusal() {
    auto encoder = load();
    return encoder ? "accepted" : encoder.error().message;
  }
  ModelFolder folder_;
};

TEST_F(LoadEncoder, TheStartTokenIsThatOfTheFirstFileThatNamesOne) {
  folder_.write("generation_config.json", R"({"decoder_start_token_id":5,"pad_token_id":6})");
  folder_.write("config.json", R"({"decoder_start_token_id":7,"pad_token_id":8})");
  EXPECT_EQ(start(), 5);
  folder_.write("generation_config.json", R"({"pad_token_id":6})");
  EXPECT_EQ(start(), 7);
  folder_.write("config.json", R"({"decoder_start_token_id":null,"pad_token_id":8})");
  EXPECT_EQ(start(), 6);
  folder_.write("generation_config.json", "{}");
  EXPECT_EQ(start(), 8);
  folder_.write("config.json", R"({"pad_token_id":0})");
  EXPECT_EQ(start(), 0);
}

TEST_F(LoadEncoder, AFolderWithoutAStartTokenIsRefused) {
  folder_.write("config.json", R"({"eos_token_id":1})");
  EXPECT_THAT(refusal(),
              EndsWith("/config.json: decoder_start_token_id is absent; an encoder-decoder needs "
                       "it, or pad_token_id; generation_config.json has neither"));
}

TEST_F(LoadEncoder, AStartTokenIsAnId) {
  for (const char* id : {"300", "-1", "1.5", "1e30"}) {
    folder_.write("generation_config.json",
                  std::string(R"({"decoder_start_token_id":)") + id + "}");
    EXPECT_THAT(refusal(),
                testing::HasSubstr("generation_config.json: decoder_start_token_id is "));
    EXPECT_THAT(refusal(), EndsWith("; an id from 0 to 299 is wanted"));
  }
  folder_.write("generation_config.json", R"({"decoder_start_token_id":[0]})");
  EXPECT_THAT(refusal(), EndsWith("decoder_start_token_id is [0]; a number is wanted"));
}

TEST_F(LoadEncoder, TheTokenizersLengthLimitsTheEncoder) {
  folder_.write("config.json", R"({"pad_token_id":0})");
  EXPECT_EQ(length(), 512U);
  for (auto [given, taken] : std::vector<std::pair<const char*, uint32_t>>{
           {"128", 128}, {"512", 512}, {"1024", 512}, {"1e30", 512}, {"0", 512}}) {
    folder_.write("tokenizer_config.json", std::string(R"({"model_max_length":)") + given + "}");
    EXPECT_EQ(length(), taken) << given;
  }
}

}  // namespace
}  // namespace weir::serve
