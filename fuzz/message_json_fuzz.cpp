// parse_message() on any text: never crashes, and what it takes is written and read back as equal.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "fcm/encoded_message.h"
#include "fcm/message_json.h"

namespace {

void require(bool claim) {
  if (!claim) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fanfare;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = fcm::parse_message(text);
  if (!parsed) {
    require(!parsed.error().what.empty());
    return 0;
  }
  const std::string written = fcm::write_message(parsed->message, parsed->target);
  const auto again = fcm::parse_message(written);
  require(again && again->message == parsed->message && again->target == parsed->target);
  require(fcm::write_message(again->message, again->target) == written);

  std::string body;
  const Target target = parsed->target.value_or(Target{TargetKind::token, std::string(text)});
  fcm::EncodedMessage(parsed->message, parsed->validate_only).append_body(target, body);
  const auto request = fcm::parse_message(body);
  require(request && request->message == parsed->message);
  return 0;
}
