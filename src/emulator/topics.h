// The topic subscription API of FCM v1: one registration and one topic in each request.
//
//   POST   /v1/projects/{p}/registrations/{r}/topicSubscriptions?topic_name={t}
//   GET    /v1/projects/{p}/registrations/{r}/topicSubscriptions?pageSize=&pageToken=
//   GET, DELETE, PATCH  …/topicSubscriptions/{t}   (the last two with allow_missing=true)
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time_text.h"
#include "emulator/answers.h"
#include "emulator/devices.h"
#include "emulator/subscriptions.h"
#include "http2/exchange.h"

namespace fanfare::emulator {

/// What a path of this API names, decoded.
struct TopicPath {
  std::string project;
  std::string registration;
  std::optional<std::string> topic;  ///< Absent for the collection.
};

/// Nothing for a path of something else.
[[nodiscard]] std::optional<TopicPath> parse_topic_path(std::string_view path);

/// Answers a request whose access token and project were good; `standing` is that of the path's
/// registration.
[[nodiscard]] Answer answer_topics(const http2::Request& request, const TopicPath& path,
                                   std::string_view query, Standing standing,
                                   Subscriptions& subscriptions, SystemTime now);

}  // namespace fanfare::emulator
