#include "app/config_template.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/given.h"

namespace weir::app {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// UPDATE_CONFIG=1 writes what is expected instead.
void expect_file(const std::string& path, const std::string& wanted) {
  if (std::getenv("UPDATE_CONFIG") != nullptr) std::ofstream(path) << wanted;
  EXPECT_EQ(read(path), wanted) << "run this test with UPDATE_CONFIG=1 to write " << path;
}

TEST(ConfigTemplate, TheCommittedFileIsUpToDate) {
  expect_file("config/weir.toml", config_template());
}

TEST(ConfigTemplate, TheCommittedSchemaIsUpToDate) {
  expect_file("config/weir.schema.json", config_schema());
}

TEST(ConfigTemplate, TheFirstLineNamesTheSchemaBesideTheFile) {
  const std::string text = config_template();
  EXPECT_EQ(text.substr(0, text.find('\n')), "#:schema ./weir.schema.json");
}

TEST(ConfigTemplate, TheCommittedFileSaysEverySettingWithItsDefault) {
  auto given = given_by_file_at("config/weir.toml");
  ASSERT_TRUE(given) << given.error().message;
  EXPECT_EQ(given->size(), settings().size());
  for (const Setting& setting : settings()) {
    ASSERT_TRUE(given->contains(setting.name)) << setting.name;
    EXPECT_EQ(given->at(setting.name).value, *parse_value(setting, setting.fallback))
        << setting.name;
  }
}

TEST(ConfigTemplate, TheSchemaKnowsEverySettingAndNoOther) {
  auto schema = nlohmann::json::parse(read("config/weir.schema.json"));
  EXPECT_EQ(schema["properties"].size(), settings().size());
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_EQ(schema["properties"]["port"]["maximum"], 65535);
  EXPECT_EQ(schema["properties"]["dtype"]["enum"], nlohmann::json({"auto", "float32", "bfloat16"}));
}

}  // namespace
}  // namespace weir::app
