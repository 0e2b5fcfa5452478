#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace weir::serve {

using Json = nlohmann::json;

inline Json json_of(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return Json::parse(file);
}

/// The numbers of a list of lists.
inline std::vector<float> flat(const Json& lines) {
  std::vector<float> numbers;
  for (const Json& line : lines) {
    for (const Json& number : line) numbers.push_back(number.get<float>());
  }
  return numbers;
}

}  // namespace weir::serve
