// Probe: whose fault is a 400 that names nobody?
//
// FCM is asked to check an empty message for the same registration (validate_only, so nothing is
// delivered). There is no payload left to blame, so what it says is about the registration. It
// does not reach APNs: an iOS token that passes may still be dead, and is kept.
#pragma once

#include "fanfare/message.h"
#include "fanfare/verdict.h"

#include "fcm/encoded_message.h"

namespace fanfare::fcm {

/// What a probe sends.
[[nodiscard]] EncodedMessage probe_message();

/// Settles `suspect`, a verdict of kind device_suspect, by the verdict of the probe for the same
/// device. A probe that is refused without naming anyone, too, proves something only when an empty
/// message passes for another device (`passes_elsewhere`); otherwise the service may refuse all.
/// What proves nothing gives back `suspect`.
[[nodiscard]] Verdict settle_suspect(const Verdict& suspect, const Verdict& probe,
                                     bool passes_elsewhere);

/// What `suspect` becomes when the same device passed a probe already.
[[nodiscard]] Verdict blame_message(const Verdict& suspect);

}  // namespace fanfare::fcm
