#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/tiny_model.h"

namespace weir::engine::test {

inline nlohmann::json read_golden(const std::string& name) {
  std::ifstream file("tests/golden/" + name);
  return nlohmann::json::parse(file);
}

inline void normalize(std::vector<float>& vector) {
  double sum = 0;
  for (float x : vector) sum += x * x;
  for (float& x : vector) x = static_cast<float>(x / std::sqrt(sum));
}

/// The vectors that `runner` gives for all texts of the encoder tests/golden/tiny/NAME in one step
/// are the reference's.
inline void expect_reference_vectors(schedule::Runner& runner, const std::string& name,
                                     double tolerance) {
  // Without sentence-transformers files vectors are given unit length, as other embedding servers
  // do; the reference has them as they are.
  const bool bare = !std::filesystem::exists("tests/golden/tiny/" + name + "/modules.json");
  std::vector<HandRow> rows;
  std::vector<std::vector<float>> expected;
  const auto golden = read_golden("tiny/" + name + "/golden.json");
  for (const auto& text : golden["texts"]) {
    rows.push_back({text["ids"], 0, {}, work::Reads{work::Read{}}});
    if (text["text"].is_null())
      rows.back().types = text["type_ids"].get<std::vector<uint8_t>>();  // a pair
    expected.push_back(text["vector"]);
    if (bare) normalize(expected.back());
  }
  const auto outputs = run(runner, rows);
  ASSERT_FALSE(expected.empty());
  ASSERT_EQ(outputs.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto& values = vector_of(outputs[i]);
    ASSERT_EQ(values.size(), expected[i].size());
    for (size_t k = 0; k < values.size(); ++k)
      EXPECT_NEAR(values[k], expected[i][k], tolerance) << "text " << i << ", number " << k;
  }
}

}  // namespace weir::engine::test
