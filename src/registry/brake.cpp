#include "registry/brake.h"

namespace fanfare::registry {
namespace {

// FcmError SENDER_ID_MISMATCH, for a token or a fid: the registration is another project's.
bool is_foreign(std::string_view rule) noexcept {
  return rule.ends_with("sender_id_mismatch");  // Of an answer or of a probe.
}

}  // namespace

bool brake_pulls(const BrakeLimits& limits, std::string_view rule, std::uint64_t retired,
                 std::uint64_t answered) noexcept {
  if (retired == 0 || retired < limits.floor) return false;
  const double share = is_foreign(rule) ? limits.foreign_share : limits.share;
  return static_cast<double>(retired) > share * static_cast<double>(answered);
}

}  // namespace fanfare::registry
