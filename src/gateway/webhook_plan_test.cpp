#include "gateway/webhook_plan.h"

#include <gtest/gtest.h>

#include "gateway/ending.h"

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;

constexpr SystemTime noon{std::chrono::seconds(1'800'000'000)};

TEST(WebhookPlan, TheBodyHoldsTheEventsInOrder) {
  const std::vector<queue::Event> events{{.id = 7,
                                          .at = noon,
                                          .type = "device.retired",
                                          .project = "a\"b",
                                          .data = R"({"token":"t"})"},
                                         {.id = 8, .at = noon, .type = "brake.pulled"}};
  EXPECT_EQ(webhook_body(events),
            R"({"events":[{"id":7,"type":"device.retired","at":"2027-01-15T08:00:00Z",)"
            R"("project":"a\"b","data":{"token":"t"}},{"id":8,"type":"brake.pulled",)"
            R"("at":"2027-01-15T08:00:00Z","project":"","data":{}}]})");
}

// Computed with: printf '1800000000.{}' | openssl dgst -sha256 -hmac secret
TEST(WebhookPlan, TheSignatureIsAnHmacOverTimeAndBody) {
  EXPECT_EQ(webhook_signature("secret", noon, "{}"),
            "t=1800000000,v1=bb7079132825ac793cea8c013c1dd24d926b9b02132245b10588d9e5c0df70d7");
}

TEST(WebhookPlan, WaitsDoubleAreDrawnAndKeepToWhatWasAsked) {
  Random random(1);
  for (int failures = 1; failures < 20; ++failures) {
    const auto wait = webhook_wait(failures, std::nullopt, random);
    EXPECT_GE(wait, 5s);
    EXPECT_LE(wait, 1h);
  }
  EXPECT_LE(webhook_wait(1, std::nullopt, random), 10s);
  EXPECT_EQ(webhook_wait(1, 5min, random), 5min);
}

TEST(WebhookPlan, OnlyUrlsThatAreSafeAreTaken) {
  for (const char* good :
       {"https://example.com/hook?a=b", "http://127.0.0.1:8080/", "http://localhost/x"}) {
    EXPECT_TRUE(check_webhook_url(good, false)) << good;
  }
  for (const char* bad :
       {"", "example.com", "ftp://example.com/", "https://", "http://example.com/",
        "https://me:secret@example.com/", "https://me@127.0.0.1/", "https://example.com/a b",
        "https://example.com/a\r\nx-injected: 1", "https://example.com/\xc3\xa4"}) {
    EXPECT_FALSE(check_webhook_url(bad, false)) << bad;
  }
  EXPECT_TRUE(check_webhook_url("http://example.com/", true));
}

TEST(Ending, EachVerdictHasItsState) {
  using queue::State;
  EXPECT_EQ(end_state(VerdictKind::accepted, true), State::delivered);
  EXPECT_EQ(end_state(VerdictKind::device_gone, false), State::rejected);
  EXPECT_EQ(end_state(VerdictKind::message_invalid, false), State::rejected);
  EXPECT_EQ(end_state(VerdictKind::unknown_outcome, true), State::unknown);
  EXPECT_EQ(end_state(VerdictKind::service_unavailable, false), State::dropped);
  EXPECT_EQ(end_state(VerdictKind::service_unavailable, true), State::expired);
}

}  // namespace
}  // namespace fanfare::gateway
