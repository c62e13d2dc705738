// What is measured with: a message of usual size, answers as FCM gives them.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "fanfare/message.h"
#include "fanfare/target.h"
#include "fanfare/verdict.h"

#include "base/file.h"

namespace fanfare::bench {

/// With a registration of `a_target` its body has 400 bytes, as that of `fanfare bench`.
inline Message a_message() {
  Message message;
  message.notification = Notification{.title = "Benchmark", .body = std::string(142, 'b')};
  message.data["kind"] = "bench";
  return message;
}

/// Of the shape and length of Android's.
inline Target a_target(unsigned number = 0) {
  return {TargetKind::token, fmt::format("{:022}:APA91b{:0134}", number, number)};
}

/// One of FCM's answers as it stands in src/fcm/testdata.
inline Answer an_answer(int status, std::string_view file) {
  auto body = read_file(fmt::format("{}/src/fcm/testdata/{}", FANFARE_ROOT_DIR, file));
  if (!body) {
    fmt::print(stderr, "{}\n", body.error().what);
    std::exit(2);
  }
  Answer answer;
  answer.status = status;
  answer.body = *std::move(body);
  return answer;
}

/// A message of FCM's documentation, as users write them in files.
inline constexpr std::string_view message_text = R"({
  "message": {
    "token": "bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1",
    "notification": {"title": "FCM Message", "body": "This is an FCM notification message!"},
    "data": {"story_id": "story_12345", "category": "sports"},
    "android": {
      "priority": "high", "ttl": "3600s", "collapse_key": "stories",
      "notification": {"channel_id": "news", "click_action": "TOP_STORY_ACTIVITY"}
    },
    "apns": {
      "headers": {"apns-priority": "5"},
      "payload": {"aps": {"category": "NEW_MESSAGE_CATEGORY", "badge": 3}}
    },
    "webpush": {"headers": {"TTL": "86400"}, "fcm_options": {"link": "https://example.com/"}}
  }
})";

}  // namespace fanfare::bench
