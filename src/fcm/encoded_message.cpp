#include "fcm/encoded_message.h"

#include <algorithm>

#include "fcm/json_document.h"
#include "fcm/message_json.h"
#include "fcm/utf8.h"

namespace fanfare::fcm {

EncodedMessage::EncodedMessage(const Message& message, bool validate_only)
    : before_(R"({"message":{")") {
  const std::string common = write_message(message);
  if (common != "{}") after_ += ',';
  after_.append(common, 1);  // With its closing brace.
  after_ += validate_only ? R"(,"validate_only":true})" : "}";
}

void EncodedMessage::append_body(const Target& target, std::string& out) const {
  const std::string_view kind = to_string(target.kind);
  out.reserve(out.size() + overhead_bytes() + target.value.size());
  out += before_;
  out += kind;
  out += "\":";
  if (std::ranges::all_of(target.value, is_plain_json_byte)) {
    out += '"';
    out += target.value;
    out += '"';
  } else {
    append_json_string(out, target.value);
  }
  out += after_;
}

}  // namespace fanfare::fcm
