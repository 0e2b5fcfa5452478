#include "weir/traffic/duration.h"

#include <gtest/gtest.h>

using namespace std::chrono_literals;

namespace weir::traffic {
namespace {

TEST(Duration, Parses) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("2s"), 2s);
  EXPECT_EQ(parse_duration("60s"), 60s);
  EXPECT_EQ(parse_duration("1m"), 60s);
  EXPECT_EQ(parse_duration("1h"), 3600s);
  EXPECT_EQ(parse_duration("1d"), 86'400s);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("7us"), 7us);
}

TEST(Duration, TakesWhatPeopleWrite) {
  EXPECT_EQ(parse_duration("5"), 5s);
  EXPECT_EQ(parse_duration("0.5"), 500ms);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("5 s"), 5s);
  EXPECT_EQ(parse_duration("5S"), 5s);
  for (const char* text : {"2s", "2sec", "2 secs", "2 second", "2 seconds"})
    EXPECT_EQ(parse_duration(text), 2s) << text;
  for (const char* text : {"2m", "2min", "2 mins", "2 minute", "2 Minutes"})
    EXPECT_EQ(parse_duration(text), 2min) << text;
  for (const char* text : {"2h", "2hr", "2 hrs", "2 hour", "2 hours"})
    EXPECT_EQ(parse_duration(text), 2h) << text;
  for (const char* text : {"2d", "2 day", "2 days"}) EXPECT_EQ(parse_duration(text), 48h) << text;
  for (const char* text : {"2ms", "2msec", "2 millisecond", "2 milliseconds"})
    EXPECT_EQ(parse_duration(text), 2ms) << text;
  for (const char* text : {"2us", "2 microsecond", "2 microseconds"})
    EXPECT_EQ(parse_duration(text), 2us) << text;
  EXPECT_EQ(parse_duration("3650d"), 3650 * 24h);
}

TEST(Duration, RefusesAllElse) {
  for (const char* text :
       {"", "s", "-2s", "2  s", "2s ", ".5s", "2ss", "1w", "1 month", "3651d", "99999999999999d"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Duration, WritesWhatItReads) {
  EXPECT_EQ(to_string(60s), "60s");
  EXPECT_EQ(to_string(1h), "3600s");
  EXPECT_EQ(to_string(250ms), "250ms");
  EXPECT_EQ(to_string(7us), "7us");
}

TEST(Duration, WritesAsGoDoes) {
  EXPECT_EQ(go_duration(0us), "0s");
  EXPECT_EQ(go_duration(6ms), "6ms");
  EXPECT_EQ(go_duration(1us), "1ms");
  EXPECT_EQ(go_duration(8640ms), "8.64s");
  EXPECT_EQ(go_duration(60s), "1m0s");
  EXPECT_EQ(go_duration(86'400ms), "1m26.4s");
  EXPECT_EQ(go_duration(360s), "6m0s");
  EXPECT_EQ(go_duration(3661'001ms), "1h1m1.001s");
  EXPECT_EQ(go_duration(1h), "1h0m0s");
}

}  // namespace
}  // namespace weir::traffic
