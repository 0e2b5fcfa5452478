/// A body takes room before it is read, and a request its turn before it is parsed.
#include "http/body_buffer.h"

#include <gmock/gmock.h>

#include "fakes/recorded_preparation.h"

namespace weir::http {
namespace {

using testing::ElementsAre;

TEST(BodyBuffer, TakesTheAnnouncedLengthAtOnce) {
  fakes::RecordedPreparation preparation;
  std::string body;
  BodyBuffer buffer(body, &preparation);
  ASSERT_TRUE(buffer.expect(100'000));
  EXPECT_TRUE(buffer.append(std::string(60'000, 'x').data(), 60'000));
  EXPECT_TRUE(buffer.append(std::string(40'000, 'x').data(), 40'000));
  EXPECT_EQ(body.size(), 100'000U);
  EXPECT_THAT(preparation.held, ElementsAre(100'000));
}

TEST(BodyBuffer, ABodyInChunksGrowsInSteps) {
  fakes::RecordedPreparation preparation;
  std::string body;
  BodyBuffer buffer(body, &preparation);
  ASSERT_TRUE(buffer.expect(0));
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(buffer.append(std::string(10'000, 'x').data(), 10'000));
  EXPECT_THAT(preparation.held, ElementsAre(16'384, 32'768, 65'536, 131'072));
}

TEST(BodyBuffer, WhatFindsNoRoomIsNotRead) {
  fakes::RecordedPreparation preparation;
  preparation.most = 50'000;
  std::string body;
  BodyBuffer announced(body, &preparation);
  EXPECT_EQ(announced.expect(60'000).error().code, Code::overloaded);
  BodyBuffer chunked(body, &preparation);
  EXPECT_TRUE(chunked.append(std::string(30'000, 'x').data(), 30'000));
  EXPECT_FALSE(chunked.append(std::string(30'000, 'x').data(), 30'000));
  ASSERT_TRUE(chunked.refusal());
  EXPECT_EQ(chunked.refusal()->message, "no room");
  EXPECT_EQ(body.size(), 30'000U);
}

}  // namespace
}  // namespace weir::http
