#include "app/client/event_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

using testing::ElementsAre;

namespace weir::app {
namespace {

std::vector<std::string> events_of(const std::vector<std::string>& pieces) {
  EventLines lines;
  std::vector<std::string> events;
  for (const std::string& piece : pieces)
    lines.feed(piece, [&](std::string_view data) { events.emplace_back(data); });
  return events;
}

TEST(EventLines, AreWholeHoweverTheyArrive) {
  const std::string stream = "data: {\"a\":1}\n\n: a comment\ndata: [DONE]\n\n";
  EXPECT_THAT(events_of({stream}), ElementsAre("{\"a\":1}", "[DONE]"));
  std::vector<std::string> letters;
  for (const char c : stream) letters.emplace_back(1, c);
  EXPECT_THAT(events_of(letters), ElementsAre("{\"a\":1}", "[DONE]"));
}

TEST(EventLines, OneThatHasNotEndedIsNoEvent) {
  EXPECT_THAT(events_of({"data: {\"a\":1}"}), ElementsAre());
}

}  // namespace
}  // namespace weir::app
