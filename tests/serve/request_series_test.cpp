#include "serve/request_series.h"

#include <gmock/gmock.h>

#include "fakes/scraped.h"

namespace weir::serve {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(RequestSeries, EachReasonIsShownFromTheStart) {
  Registry metrics;
  const RequestSeries series(metrics, "m");
  for (const char* reason : {"abort", "error", "length", "stop"})
    EXPECT_EQ(fakes::scraped(metrics, std::string("weir_requests_total{finish_reason=\"") + reason +
                                          "\",model=\"m\"}"),
              0);
  for (const char* reason :
       {"cancelled", "never_fits", "other", "overloaded", "rate_limited", "unavailable"})
    EXPECT_EQ(fakes::scraped(metrics, std::string("weir_refused_total{model=\"m\",reason=\"") +
                                          reason + "\"}"),
              0);
}

TEST(RequestSeries, RefusalsThatAreTheRequestsOwnFaultAreNotCounted) {
  Registry metrics;
  const RequestSeries series(metrics, "m");
  for (Code code : {Code::overloaded, Code::never_fits, Code::cancelled, Code::invalid_argument,
                    Code::not_found, Code::deadline, Code::internal})
    series.refused(code);
  EXPECT_THAT(fakes::scraped_by(metrics, "weir_refused_total", "model=\"m\"", "reason"),
              ElementsAre(Pair("cancelled", 1), Pair("never_fits", 1), Pair("overloaded", 1)));
}

TEST(RequestSeries, WhatARequestLacksIsNotObserved) {
  Registry metrics;
  const RequestSeries series(metrics, "m");
  series.finished({.reason = "stop", .prompt_tokens = 5, .generated_tokens = 1, .decode = 2});
  series.finished({.reason = "stop", .generated_tokens = 3, .max_tokens = 8, .decode = 0.5});
  const auto value = [&](const std::string& name) {
    return fakes::scraped(metrics, name + "{model=\"m\"}");
  };
  EXPECT_EQ(value("weir_request_max_tokens_count"), 1);
  EXPECT_EQ(value("weir_request_seconds_per_token_count"), 1);
  EXPECT_EQ(value("weir_request_seconds_per_token_sum"), 0.25);
  EXPECT_EQ(value("weir_request_decode_seconds_sum"), 2.5);
  EXPECT_EQ(value("weir_generated_tokens_total"), 4);
}

}  // namespace
}  // namespace weir::serve
