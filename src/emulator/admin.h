// What the answers of /_emulator/ have in common, and what an answer of FCM's means to a sender.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "emulator/fault.h"
#include "http2/exchange.h"

namespace fanfare::emulator {

inline constexpr std::string_view device_actions =
    "POST online, offline, uninstall, expire, rotate, migrate, disable-apns, health or read after "
    "/_emulator/devices/{registration}/";

[[nodiscard]] http2::Response admin_answer(int status, const boost::json::value& body);
[[nodiscard]] http2::Response admin_refusal(int status, std::string_view what,
                                            std::string_view remedy);

/// An answer explained to who wrote the sender; in the emulator's own words, so that the sending
/// side's can be held against them.
struct Meaning {
  std::string_view what;
  std::string_view advice;
};

/// `kind` as the books name it; `field` as the answer's Blame has it.
[[nodiscard]] Meaning meaning_of(std::string_view kind, std::string_view field,
                                 Fault fault) noexcept;

}  // namespace fanfare::emulator
