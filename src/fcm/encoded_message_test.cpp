#include "fcm/encoded_message.h"

#include <gtest/gtest.h>

#include "base/json_text.h"
#include "fcm/message_json.h"

namespace fanfare::fcm {
namespace {

std::string body_of(const EncodedMessage& message, const Target& target) {
  std::string body;
  message.append_body(target, body);
  return body;
}

const Message greeting{.notification = Notification{.title = "Hi"}};

TEST(EncodedMessage, PutsTheTargetBeforeTheCommonPart) {
  const EncodedMessage message(greeting);
  EXPECT_EQ(body_of(message, {TargetKind::token, "abc:DEF"}),
            R"({"message":{"token":"abc:DEF","notification":{"title":"Hi"}}})");
  EXPECT_EQ(body_of(message, {TargetKind::condition, "'a' in topics"}),
            R"({"message":{"condition":"'a' in topics","notification":{"title":"Hi"}}})");
}

TEST(EncodedMessage, AnEmptyMessageIsTheTargetAlone) {
  EXPECT_EQ(body_of(EncodedMessage(Message{}, true), {TargetKind::fid, "f"}),
            R"({"message":{"fid":"f"},"validate_only":true})");
}

TEST(EncodedMessage, EscapesTargetsThatNeedIt) {
  const std::string body = body_of(EncodedMessage(greeting), {TargetKind::topic, "a\"\\\n\x01ü"});
  EXPECT_EQ(body, R"({"message":{"topic":"a\"\\\n\u0001ü","notification":{"title":"Hi"}}})");
}

// Eight bytes are looked at together: each value must be seen in each of their places.
TEST(EncodedMessage, EscapesEveryByteWhereverItStands) {
  const EncodedMessage message(greeting);
  for (int byte = 1; byte < 0x100; ++byte) {
    for (std::size_t place = 0; place < 17; ++place) {
      std::string value(17, 'x');
      value[place] = static_cast<char>(byte);
      std::string expected;
      append_json_string(expected, value);
      std::string escaped;
      const Target target{TargetKind::token, value};
      const auto pieces = message.body(target, escaped);
      ASSERT_EQ("\"" + std::string(pieces[1]) + "\"", expected) << byte << " at " << place;
    }
  }
}

TEST(EncodedMessage, AppendsToWhatIsThere) {
  std::string out = "before ";
  EncodedMessage(Message{}).append_body({TargetKind::token, "t"}, out);
  EXPECT_EQ(out, R"(before {"message":{"token":"t"}})");
}

TEST(EncodedMessage, IsARequestThatReadsBack) {
  const Target target{TargetKind::token, "t"};
  const auto request = parse_message(body_of(EncodedMessage(greeting, true), target));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->message, greeting);
  EXPECT_EQ(request->target, target);
  EXPECT_TRUE(request->validate_only);
}

TEST(EncodedMessage, OverheadCoversEveryKind) {
  const EncodedMessage message(greeting);
  for (const TargetKind kind :
       {TargetKind::token, TargetKind::fid, TargetKind::topic, TargetKind::condition}) {
    EXPECT_LE(body_of(message, {kind, ""}).size(), message.overhead_bytes());
  }
}

}  // namespace
}  // namespace fanfare::fcm
