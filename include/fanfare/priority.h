// Priority: who goes first when there is more to send than the quota lets through.
#pragma once

#include <cstdint>

namespace fanfare {

/// How soon a message has to go, among the messages of its project that wait for the quota. It is
/// about our own queue only: what wakes a sleeping phone is AndroidConfig's priority.
///
/// While the quota suffices nobody waits and the priority has no effect. When it does not, a more
/// urgent message overtakes all that has not left yet; what is less urgent slows down, but always
/// keeps a trickle (normal a twentieth of the rate, bulk a fiftieth).
enum class Priority : std::uint8_t {
  urgent,  ///< A person is waiting for it: one-time passwords, incoming calls, alarms.
  normal,  ///< Caused by an event: chat messages, orders, reminders.
  bulk,    ///< The same for many, minutes don't matter: campaigns, news, imports.
};

/// How many there are.
inline constexpr int priority_count = 3;

}  // namespace fanfare
