#include "fcm/encoded_message.h"

#include "base/json_text.h"
#include "fcm/message_json.h"
#include "fcm/utf8.h"

namespace fanfare::fcm {
namespace {

constexpr std::array kinds = {TargetKind::token, TargetKind::fid, TargetKind::topic,
                              TargetKind::condition};

}  // namespace

EncodedMessage::EncodedMessage(const Message& message, bool validate_only)
    : EncodedMessage(Written{}, write_message(message), validate_only) {}

EncodedMessage EncodedMessage::from_written(std::string_view written, bool validate_only) {
  return {Written{}, written, validate_only};
}

EncodedMessage::EncodedMessage(Written /*tag*/, std::string_view common, bool validate_only)
    : after_("\"") {
  for (const TargetKind kind : kinds) {
    std::string& before = before_.at(static_cast<std::size_t>(kind));
    before = R"({"message":{")";
    before += to_string(kind);
    before += R"(":")";
  }
  if (common != "{}") after_ += ',';
  after_.append(common.substr(1));  // With its closing brace.
  after_ += validate_only ? R"(,"validate_only":true})" : "}";
}

std::array<std::string_view, 3> EncodedMessage::body(const Target& target,
                                                     std::string& escaped) const {
  std::string_view value = target.value;
  if (!is_plain_json(value)) {
    escaped.clear();
    append_json_string(escaped, value);
    value = std::string_view(escaped).substr(1, escaped.size() - 2);  // The quotes are ours.
  }
  return {before_.at(static_cast<std::size_t>(target.kind)), value, after_};
}

void EncodedMessage::append_body(const Target& target, std::string& out) const {
  std::string escaped;
  for (const std::string_view piece : body(target, escaped)) out += piece;
}

}  // namespace fanfare::fcm
