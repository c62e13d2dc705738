// POST /api/push as gorush has it, so that its users can move: notifications with tokens, a topic
// or a condition, in gorush's field names. What gorush sends to APNs by itself goes through FCM
// here, so the tokens must be FCM's. docs/coming-from.md has the table of fields.
#pragma once

#include <expected>
#include <vector>

#include <boost/json/object.hpp>

#include "gateway/api.h"
#include "gateway/submission_reader.h"

namespace fanfare::gateway {

/// One submission for each notification that has targets. `skipped` counts those without any, which
/// gorush skips, too.
struct GorushPush {
  std::vector<queue::Submission> submissions;
  std::uint64_t count = 0;
};
[[nodiscard]] std::expected<GorushPush, Refusal> read_gorush(const boost::json::object& body,
                                                             const SubmissionLimits& limits,
                                                             SystemTime now);

}  // namespace fanfare::gateway
