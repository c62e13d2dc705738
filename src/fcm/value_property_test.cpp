// Claims about small values in text, tried on random ones: durations, colours, waits.
#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/time_text.h"
#include "fcm/checks.h"
#include "fcm/message_json.h"
#include "fcm/retry_after.h"

namespace fanfare::fcm {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

Result<ParsedMessage> parse_ttl(const std::string& text) {
  return parse_message(fmt::format(R"({{"android":{{"ttl":"{}"}}}})", text));
}

Message with_ttl(nanoseconds ttl) {
  return {.android = AndroidConfig{.ttl = ttl}};
}

// What a duration is made of, so that many of the texts are nearly right.
rc::Gen<std::string> any_duration_text() {
  return rc::gen::map(
      rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123459.-+e "))),
      [](std::string text) { return text + "s"; });
}

rc::Gen<std::int64_t> any_seconds() {
  return rc::gen::inRange<std::int64_t>(-9'000'000'000, 9'000'000'001);
}

// --- Durations ---

RC_GTEST_PROP(DurationProperty, WhatIsWrittenReadsBackToTheNanosecond, ()) {
  const auto whole = *any_seconds();
  const auto fraction = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000);
  const nanoseconds ttl = seconds(whole) + nanoseconds(whole < 0 ? -fraction : fraction);
  RC_PRE(std::chrono::abs(ttl) <= seconds(9'000'000'000));
  const auto parsed = parse_message(write_message(with_ttl(ttl)));
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(parsed->message.android->ttl == ttl);
}

RC_GTEST_PROP(DurationProperty, WhatIsReadIsWrittenInAFormThatReadsAlike, ()) {
  const auto parsed = parse_ttl(*any_duration_text());
  if (!parsed) return;
  const std::string written = write_message(parsed->message);
  const auto again = parse_message(written);
  RC_ASSERT(again.has_value());
  RC_ASSERT(again->message == parsed->message);
  RC_ASSERT(write_message(again->message) == written);
}

RC_GTEST_PROP(DurationProperty, FcmsRangeIsAskedInWholeSecondsRoundedDown, ()) {
  const auto whole = *rc::gen::oneOf(any_seconds(), rc::gen::inRange<std::int64_t>(-2, 3),
                                     rc::gen::inRange<std::int64_t>(2'419'198, 2'419'203));
  const auto fraction = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000);
  const auto findings = check_message(with_ttl(seconds(whole) + nanoseconds(fraction)));
  RC_ASSERT(has_fault(findings) == (whole < 0 || whole > 2'419'200));
}

// --- Colours ---

bool admits_color(const std::string& color) {
  return !has_fault(check_message(
      Message{.android = AndroidConfig{.notification = AndroidNotification{.color = color}}}));
}

RC_GTEST_PROP(ColorProperty, EveryRgbValueIsAdmittedAndNoneThatIsSpoilt, ()) {
  const auto rgb = *rc::gen::inRange<unsigned>(0, 0x1000000);
  std::string color =
      *rc::gen::arbitrary<bool>() ? fmt::format("#{:06x}", rgb) : fmt::format("#{:06X}", rgb);
  RC_ASSERT(admits_color(color));
  const auto place = *rc::gen::inRange<std::size_t>(0, color.size());
  switch (*rc::gen::inRange(0, 3)) {
    case 0:
      color.erase(place, 1);
      break;
    case 1:
      color.insert(place, 1, '0');
      break;
    default:
      color[place] = *rc::gen::elementOf(std::string("gGzZ -\x80"));
  }
  RC_ASSERT(!admits_color(color));
}

RC_GTEST_PROP(ColorProperty, PartsReadBackBitByBit, ()) {
  const auto part = *rc::gen::map(rc::gen::arbitrary<std::uint32_t>(),
                                  [](std::uint32_t bits) { return std::bit_cast<float>(bits); });
  RC_PRE(std::isfinite(part));
  const Message message{
      .android = AndroidConfig{.notification = AndroidNotification{
                                   .light_settings = LightSettings{.color = Color{.red = part}}}}};
  const auto parsed = parse_message(write_message(message));
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(parsed->message == message);
}

// --- Waits ---

const auto noon = *parse_rfc3339("2026-11-24T12:00:00Z");

seconds capped(std::int64_t wait) {
  return seconds(std::clamp<std::int64_t>(wait, 0, max_retry_after.count()));
}

RC_GTEST_PROP(RetryAfterProperty, SecondsAreTakenUpToTheCap, ()) {
  const auto wait = *rc::gen::oneOf(rc::gen::inRange<std::int64_t>(-10, 100'000),
                                    rc::gen::arbitrary<std::int64_t>());
  RC_ASSERT(parse_retry_after(fmt::format("{}", wait), noon) == capped(wait));
}

// Whole seconds in the header, any moment of reception: a started second counts.
RC_GTEST_PROP(RetryAfterProperty, ADateIsWaitedForAndNeverLess, ()) {
  const auto ahead = *rc::gen::inRange<std::int64_t>(-100'000, 100'000);
  const auto late = *rc::gen::inRange<std::int64_t>(0, 1'000);
  const auto date = noon + seconds(ahead);
  const auto received = noon + std::chrono::milliseconds(late);
  const auto wait = parse_retry_after(format_http_date(date), received);
  RC_ASSERT(wait == capped(ahead));
  RC_ASSERT(received + *wait >= date || *wait == max_retry_after);
}

RC_GTEST_PROP(RetryAfterProperty, NoTextGivesAWaitThatIsNegativeOrEndless, ()) {
  const auto text = *rc::gen::oneOf(
      rc::gen::arbitrary<std::string>(),
      rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123456789-+ s.:GMTNov,"))));
  for (const auto wait : {parse_retry_after(text, noon), parse_retry_delay(text)}) {
    RC_ASSERT(!wait || (*wait >= seconds(0) && *wait <= max_retry_after));
  }
}

RC_GTEST_PROP(RetryAfterProperty, RetryDelayIsRoundedUp, ()) {
  const auto whole = *rc::gen::inRange<std::int64_t>(0, 90'000);
  const auto fraction = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000);
  RC_ASSERT(parse_retry_delay(fmt::format("{}.{:09}s", whole, fraction)) ==
            capped(whole + (fraction > 0 ? 1 : 0)));
}

}  // namespace
}  // namespace fanfare::fcm
