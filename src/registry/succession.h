// Which of two registrations of one installation is alive.
//
// An app instance has one registration at a time: it gets another token, or moves from a token to
// a Firebase Installation ID (FID), and the old one dies at some later time of FCM's choice. Until
// then a sender that keeps both shows each message twice.
#pragma once

#include "registry/device.h"

namespace fanfare::registry {

/// State `retired`: the same installation registered anew.
inline constexpr std::string_view superseded_rule = "registry.superseded";
/// State `suspect`: a FID of the same user looks like that of this token.
inline constexpr std::string_view maybe_superseded_rule = "registry.maybe_superseded";

enum class Succession : std::uint8_t {
  none,      ///< Two devices.
  replaces,  ///< The incoming one is alive, the other one is not.
  replaced,  ///< The other way round: the incoming one comes from an older list.
};

/// Of a registration that comes in and a stored one. The same project and installation, both known,
/// make them one device; the one that was seen later is alive, and of two without a time the one
/// that comes in.
[[nodiscard]] Succession succession(const Device& incoming, const Device& stored);

/// Whether a FID and a token of the same user look like one installation: tokens have so far begun
/// with their FID and ':'. FCM promises no such thing, so it is only a suspicion, which the next
/// message settles: FCM accepts it, or says that the token is dead.
[[nodiscard]] bool looks_superseded(const Device& fid, const Device& token);

/// What the successor takes over: fields that it leaves empty. Tags say what an owner wants, so
/// another owner does not get them.
void inherit(Device& successor, const Device& predecessor);

}  // namespace fanfare::registry
