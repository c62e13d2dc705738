// The FCM Data API: what became of an Android app's messages, by day and analytics label. It needs
// a token with the scope cloud-platform; the messaging scope does not do.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/api_data.h"
#include "fanfare/result.h"
#include "fanfare/verdict.h"

namespace fanfare::fcm {

/// GET: a page of an app's days. An empty page token asks for the first.
[[nodiscard]] std::string delivery_data_path(std::string_view project, std::string_view app_id,
                                             std::string_view page_token);

struct DeliveryPage {
  std::vector<DeliveryDay> days;
  std::string next_page;  ///< Empty: this was the last.
};
/// Error::Kind::network when the body is not what the API documents.
[[nodiscard]] Result<DeliveryPage> parse_delivery_page(std::string_view body);

[[nodiscard]] Verdict judge_delivery_data(const Answer& answer);

/// A percentage: where it stands in an answer, and its name with us.
struct PercentField {
  std::string_view group;  ///< "messageOutcomePercents"
  std::string_view json;   ///< "delivered"
  std::string_view name;   ///< "delivered"; unique, in snake case.
  std::optional<double> DeliveryPercents::* value;
};
/// All of them, in the order in which they are shown.
[[nodiscard]] std::span<const PercentField> percent_fields() noexcept;

}  // namespace fanfare::fcm
