// FCM's words change while its codes stay; a sender must live with both.
#pragma once

#include <cstdint>

namespace fanfare::emulator {

/// Which of the texts that FCM has used its answers carry.
enum class Texts : std::uint8_t {
  captured,  ///< As captured by a public suite of tests in July 2026.
  older,     ///< "Invalid registration token", "Android message is too big".
  newer,     ///< "NotRegistered", seen since August 2026.
};

}  // namespace fanfare::emulator
