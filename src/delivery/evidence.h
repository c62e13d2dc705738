// Evidence: the raw answer behind a verdict, as it is kept with a device's history.
#pragma once

#include <cstdint>
#include <string>

#include "fanfare/verdict.h"

namespace fanfare::delivery {

/// {"status":404,"body":"…","retry_after":"…","reason":"…","attempts":1,"campaign":7}; absent
/// parts are left out, a campaign of 0 too, a body over 4 KiB is cut.
[[nodiscard]] std::string make_evidence(const Answer& answer, int attempts, std::int64_t campaign);

}  // namespace fanfare::delivery
