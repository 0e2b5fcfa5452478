// Where a header ends, and where it is refused before that.
#include "http/request_head.h"

#include <gmock/gmock.h>

namespace weir::http {
namespace {

using State = RequestHead::State;

const std::string kLine = "GET /health HTTP/1.1\r\n";

/// What is said of these bytes, come one by one; the header is over with the first answer but
/// `partial`.
std::pair<State, size_t> dripped(const std::string& bytes) {
  RequestHead head;
  for (size_t size = 1; size <= bytes.size(); ++size) {
    const State state = head.look(std::string_view(bytes).substr(0, size));
    if (state != State::partial) return {state, size};
  }
  return {State::partial, bytes.size()};
}

std::pair<int, std::string> fault(const std::string& bytes) {
  RequestHead head;
  if (head.look(bytes) != State::refused) return {0, ""};
  return {head.fault().status, head.fault().message};
}

TEST(RequestHead, EndsWithAnEmptyLineHoweverItComes) {
  const std::string bytes = kLine + "Host: a\r\nB: c\r\n\r\n";
  EXPECT_EQ(dripped(bytes), std::pair(State::complete, bytes.size()));
  EXPECT_EQ(RequestHead().look(bytes + "{}\n"), State::complete);
  EXPECT_EQ(RequestHead().look(bytes.substr(0, bytes.size() - 1)), State::partial);
  EXPECT_EQ(RequestHead().look(""), State::partial);
}

TEST(RequestHead, ALineThatEndsWithLfAloneIsRefusedAtOnce) {
  EXPECT_EQ(dripped("GET /health HTTP/1.1\n\n"), std::pair(State::refused, size_t{21}));
  EXPECT_EQ(fault(kLine + "A: b\n").first, 400);
}

TEST(RequestHead, AFieldOver8KiBIsNamedWithTheLimit) {
  EXPECT_EQ(fault(kLine + "Cookie: " + std::string(8200, 'a')),
            std::pair(431, std::string("header field Cookie is over the limit of 8192 bytes")));
  EXPECT_EQ(RequestHead().look(kLine + "Cookie: " + std::string(8192 - 10, 'a') + "\r\n\r\n"),
            State::complete);
  EXPECT_EQ(fault(kLine + "Cookie: " + std::string(8192 - 9, 'a') + "\r\n\r\n").first, 431);
}

TEST(RequestHead, ARequestLineOver8KiBIsRefused) {
  EXPECT_EQ(fault("GET /" + std::string(8200, 'a')),
            std::pair(414, std::string("the request line is over the limit of 8192 bytes")));
}

TEST(RequestHead, ManyFieldsAndManyBytesAreRefused) {
  std::string many = kLine;
  for (int i = 0; i < 100; ++i) many += "A: b\r\n";
  EXPECT_EQ(RequestHead().look(many + "\r\n"), State::complete);
  EXPECT_EQ(fault(many + "A: b\r\n"),
            std::pair(431, std::string("the header has more than 100 fields")));
  std::string large = kLine;
  for (int i = 0; i < 9; ++i) large += "A: " + std::string(8000, 'a') + "\r\n";
  EXPECT_EQ(fault(large),
            std::pair(431, std::string("the header is over the limit of 65536 bytes")));
}

}  // namespace
}  // namespace weir::http
