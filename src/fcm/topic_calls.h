// Subscribing registrations to topics: what a request looks like, and what its answer means.
//
// FCM has two ways. The v1 API (since 2026-09) takes one registration and one topic a request and
// speaks of faults as messages:send does. The older Instance ID API takes 1,000 tokens a request
// and answers with a flat word for each.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/api_data.h"
#include "fanfare/result.h"
#include "fanfare/verdict.h"

namespace fanfare::fcm {

enum class TopicDeed : std::uint8_t { subscribe, unsubscribe };

// The v1 API --------------------------------------------------------------------------------------

/// POST (subscribe) or DELETE (unsubscribe; a missing subscription is no fault).
[[nodiscard]] std::string topic_path(TopicDeed deed, std::string_view project,
                                     std::string_view registration, std::string_view topic);

/// GET: a page of a registration's topics. An empty page token asks for the first.
[[nodiscard]] std::string subscriptions_path(std::string_view project,
                                             std::string_view registration,
                                             std::string_view page_token);

struct SubscriptionPage {
  std::vector<Subscription> subscriptions;
  std::string next_page;  ///< Empty: this was the last.
};
/// Error::Kind::network when the body is not what FCM documents.
[[nodiscard]] Result<SubscriptionPage> parse_subscriptions(std::string_view body);

/// What an answer to a request about a registration's topics means. Any 200 is a success: there is
/// no message whose name could be missing. So is 409: it was subscribed before.
[[nodiscard]] Verdict judge_topic(const Answer& answer, TargetKind target);

/// The same for a page of topics, whose body must be one.
[[nodiscard]] Verdict judge_subscriptions(const Answer& answer, TargetKind target);

// The Instance ID API -----------------------------------------------------------------------------

inline constexpr std::size_t iid_batch_size = 1'000;

/// POST, with the header access_token_auth: true.
[[nodiscard]] std::string_view iid_batch_path(TopicDeed deed) noexcept;
[[nodiscard]] std::string iid_batch_body(std::string_view topic,
                                         std::span<const std::string> tokens);

/// A verdict for each of `count` tokens, in their order. Error::Kind::network when the answer does
/// not have one for each: then nothing is known of any.
[[nodiscard]] Result<std::vector<Verdict>> parse_iid_results(std::string_view body,
                                                             std::size_t count);

}  // namespace fanfare::fcm
