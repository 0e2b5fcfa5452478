#include "weir/serve/usage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/served.h"
#include "serve/usage_query.h"

using testing::HasSubstr;
using testing::IsEmpty;

namespace weir::serve {
namespace {

class RecordingLedger final : public traffic::Ledger {
 public:
  std::vector<UsageEntry> added;
  std::vector<UsageQuery> asked;

  void add(const UsageEntry& entry) override { added.push_back(entry); }
  Result<std::vector<UsageRow>> query(const UsageQuery& query) override {
    asked.push_back(query);
    return std::vector<UsageRow>{{.day = "2026-11-24", .usage = {.key = "web", .model = "m"}}};
  }
  traffic::Cost used(const traffic::QuotaQuery&) override { return {}; }
  void flush() override {}
};

traffic::Key key(std::vector<traffic::Scope> scopes) {
  return {.name = "web", .tenant = "shop", .scopes = std::move(scopes)};
}

TEST(UsageSeenBy, AKeySeesItsOwn) {
  RecordingLedger ledger;
  const auto own = key({traffic::Scope::infer, traffic::Scope::usage});
  EXPECT_TRUE(usage_seen_by(own, {.from = "2026-11-01", .model = "m"}, &ledger));
  EXPECT_TRUE(usage_seen_by(own, {.key = "web"}, &ledger));
  ASSERT_EQ(ledger.asked.size(), 2u);
  EXPECT_EQ(ledger.asked[0].key, "web");
  EXPECT_EQ(ledger.asked[0].from, "2026-11-01");
  EXPECT_EQ(ledger.asked[0].model, "m");
  auto others = usage_seen_by(own, {.key = "app"}, &ledger);
  ASSERT_FALSE(others);
  EXPECT_EQ(others.error().code, Code::permission_denied);
  EXPECT_EQ(others.error().param, "key");
  EXPECT_EQ(ledger.asked.size(), 2u);
}

TEST(UsageSeenBy, AnAdminSeesAll) {
  RecordingLedger ledger;
  const auto admin = key({traffic::Scope::admin});
  EXPECT_TRUE(usage_seen_by(admin, {}, &ledger));
  EXPECT_TRUE(usage_seen_by(admin, {.key = "app"}, &ledger));
  EXPECT_EQ(ledger.asked[0].key, "");
  EXPECT_EQ(ledger.asked[1].key, "app");
}

TEST(UsageSeenBy, OthersSeeNothing) {
  RecordingLedger ledger;
  auto refused = usage_seen_by(key({traffic::Scope::infer}), {}, &ledger);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::permission_denied);
  EXPECT_THAT(refused.error().message, HasSubstr("lacks the scope \"usage\""));
}

TEST(UsageSeenBy, WithoutALedgerThereIsNothing) {
  auto missing = usage_seen_by(key({traffic::Scope::admin}), {}, nullptr);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
}

TEST(UsageCsv, QuotesWhatNeedsIt) {
  UsageRow plain{.day = "2026-11-24", .usage = {.key = "web", .model = "m", .requests = 1}};
  plain.usage.compute_ms = 41;
  UsageRow odd{.day = "2026-11-25", .usage = {.key = "web", .model = "a \"b\", c"}};
  EXPECT_EQ(usage_csv({plain, odd}),
            "day,key,model,requests,refused,input_tokens,cached_tokens,output_tokens,wait_ms,"
            "queue_ms,compute_ms\r\n"
            "2026-11-24,web,m,1,0,0,0,0,0,0,41\r\n"
            "2026-11-25,web,\"a \"\"b\"\", c\",0,0,0,0,0,0,0,0\r\n");
}

/// The service of ServedTest with a ledger, and one key.
class UsageOfRequestsTest : public ServedTest {
 protected:
  void SetUp() override {
    ServedTest::SetUp();
    service_ = make_service({}, {gate_, metrics_, clock_, [] { return true; }, &ledger_},
                            traffic::KeyStore::open(), {{.name = "bytes", .queue = queue_}});
    service_->mark_ready("bytes", bytes_.loaded);
    use_key("max_wait = \"0s\"\nlimits = [ { unit = \"requests\", cap = 3, window = \"9s\" } ]");
  }
  void TearDown() override { service_.reset(); }  // before the ledger

  UsageEntry the_entry() {
    EXPECT_EQ(ledger_.added.size(), 1u);
    return ledger_.added.empty() ? UsageEntry{} : ledger_.added.front();
  }
  static UsageEntry of_web(UsageEntry counts) {
    counts.key = "web";
    counts.tenant = "shop";
    counts.model = "bytes";
    return counts;
  }

  RecordingLedger ledger_;
};

TEST_F(UsageOfRequestsTest, WhatWasReadAndMadeAndHowLongItTook) {
  auto generation = start({.prompts = {"abc"}});
  work::Request request = take();
  request.reply.start({.cached_tokens = 2, .queued = std::chrono::microseconds(4600)});
  push(request, "01234");
  request.reply.finish({.reason = work::FinishReason::stop,
                        .prefill = milliseconds(20),
                        .decode = std::chrono::microseconds(300400)});
  EXPECT_THAT(ledger_.added, IsEmpty());
  drain(*generation);
  EXPECT_EQ(the_entry(), of_web({.requests = 1,
                                 .input_tokens = 4,
                                 .cached_tokens = 2,
                                 .output_tokens = 5,
                                 .queue_ms = 5,
                                 .compute_ms = 320}));
  generation.reset();
  EXPECT_EQ(ledger_.added.size(), 1u) << "once";
}

TEST_F(UsageOfRequestsTest, WhoLeavesIsCountedForWhatItUsed) {
  auto generation = start({.prompts = {"abc"}});
  work::Request request = take();
  push(request, "01");
  ASSERT_TRUE(*generation->next(milliseconds(0)));
  generation.reset();
  const UsageEntry entry = the_entry();
  EXPECT_EQ(entry.requests, 1);
  EXPECT_EQ(entry.input_tokens, 4);
  EXPECT_EQ(entry.output_tokens, 2);
}

TEST_F(UsageOfRequestsTest, OurFaultBeforeTheFirstTokenCountsNothing) {
  auto generation = start({.prompts = {"abc"}});
  take().reply.fail({.code = Code::internal, .message = "broken"});
  EXPECT_FALSE(generation->next(milliseconds(0)));
  EXPECT_EQ(the_entry(), of_web({}));
}

TEST_F(UsageOfRequestsTest, WhatIsShedIsRefused) {
  auto generation = start({.prompts = {"abc"}});
  take().reply.fail({.code = Code::overloaded, .message = "shed"});
  EXPECT_FALSE(generation->next(milliseconds(0)));
  EXPECT_EQ(the_entry(), of_web({.refused = 1}));
}

TEST_F(UsageOfRequestsTest, RefusalsOfLimitsCountWrongRequestsDoNot) {
  EXPECT_FALSE(complete({.prompts = {"1", "2", "3", "4"}}, caller_));
  EXPECT_EQ(the_entry(), of_web({.refused = 1}));
  EXPECT_FALSE(complete({.model = "nothing", .prompts = {"1"}}, caller_));
  EXPECT_FALSE(complete({.prompts = {}}, caller_));
  EXPECT_EQ(ledger_.added.size(), 1u);
}

TEST_F(UsageOfRequestsTest, TheServiceAnswersWhatTheKeyMaySee) {
  auto refused = service_->usage({}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::permission_denied);
  use_key("scopes = [\"usage\"]");
  auto rows = service_->usage({}, caller_);
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->size(), 1u);
  EXPECT_EQ(ledger_.asked.at(0).key, "web");
}

}  // namespace
}  // namespace weir::serve
