#include "gateway/submission_reader.h"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "fanfare/check.h"

#include "fcm/message_json.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;

std::unexpected<Refusal> invalid(std::string field, std::string message, std::string remedy = {}) {
  return std::unexpected(Refusal{
      .message = std::move(message), .remedy = std::move(remedy), .field = std::move(field)});
}

// "message.android.ttl", said of a message that stands in messages[3].message.
std::string place_of(const std::string& where, std::string_view path) {
  constexpr std::string_view root = "message";
  if (path.starts_with(root)) path.remove_prefix(root.size());
  return where + std::string(path);
}

// One key for all platforms: the later message replaces the earlier one that still waits.
void set_collapse(Message& message, const std::string& key) {
  if (!message.android_v2) {
    if (!message.android) message.android.emplace();
    if (message.android->collapse_key.empty()) message.android->collapse_key = key;
  } else if (message.android_v2->collapse_key.empty()) {
    message.android_v2->collapse_key = key;
  }
  if (!message.apns) message.apns.emplace();
  message.apns->headers.try_emplace("apns-collapse-id", key);
  if (!message.webpush) message.webpush.emplace();
  message.webpush->headers.try_emplace("Topic", key);
}

bool is_collapsible(const Message& message) {
  return (message.android && !message.android->collapse_key.empty()) ||
         (message.android_v2 && !message.android_v2->collapse_key.empty()) ||
         (message.apns && message.apns->headers.contains("apns-collapse-id"));
}

struct To {
  std::optional<Target> target;
  std::string user;
  std::string audience;
  bool to_audience = false;
};

constexpr std::string_view to_remedy =
    R"(name one of token, fid, topic, condition, user, audience: {"token": "…"})";

std::expected<To, Refusal> read_to(const json::object& object, const std::string& where) {
  Fields fields(object, where + ".");
  To to;
  if (object.size() != 1)
    return invalid(where, "exactly one target is wanted", std::string(to_remedy));
  for (const TargetKind kind :
       {TargetKind::token, TargetKind::fid, TargetKind::topic, TargetKind::condition}) {
    if (auto value = fields.optional_text(to_string(kind), 4096)) to.target = Target{kind, *value};
  }
  if (auto user = fields.optional_text("user", 1024)) to.user = *user;
  if (auto audience = fields.optional_text("audience", 8192)) {
    to.audience = *audience;
    to.to_audience = true;
  }
  if (auto refusal = fields.refusal()) return std::unexpected(*refusal);
  if (to.target) {
    for (const Finding& finding : check_target(*to.target)) {
      if (finding.severity == Severity::fault) return invalid(where, finding.what, finding.remedy);
    }
  } else if (to.user.empty() && !to.to_audience) {
    return invalid(where, "the target is empty", std::string(to_remedy));
  }
  return to;
}

// Everything beside messages and targets.
class OptionReader {
 public:
  OptionReader(Fields& fields, const SubmissionLimits& limits, SystemTime now)
      : fields_(fields), limits_(limits), now_(now) {}

  void read(queue::Submission& out) {
    out.priority = priority();
    out.send_at = fields_.time("send_at");
    if (out.send_at && *out.send_at > now_ + limits_.furthest) {
      fields_.refuse("send_at", "it is more than a year ahead", "check the year");
    }
    out.expires_at = expiry(out.send_at.value_or(now_));
    out.validate_only = fields_.flag("validate_only");
    out.order_key = fields_.text("order_key", 256);
    out.idempotency_key = fields_.text("idempotency_key", 256);
    out.labels = read_labels(fields_);
  }

  queue::OnUnknown on_unknown() {
    const std::string text = fields_.text("on_unknown", 32);
    if (text.empty() || text == "retry") return queue::OnUnknown::retry;
    if (text == "drop") return queue::OnUnknown::drop;
    if (text == "retry_if_collapsible") return queue::OnUnknown::retry_if_collapsible;
    fields_.refuse("on_unknown", fmt::format("'{}' is no policy", text),
                   "write retry, drop or retry_if_collapsible");
    return queue::OnUnknown::retry;
  }

 private:
  Priority priority() {
    const std::string text = fields_.text("priority", 16);
    if (text == "urgent") return Priority::urgent;
    if (text == "bulk") return Priority::bulk;
    if (!text.empty() && text != "normal") {
      fields_.refuse("priority", fmt::format("'{}' is no priority", text),
                     "write urgent, normal or bulk");
    }
    return Priority::normal;
  }

  std::optional<SystemTime> expiry(SystemTime start) {
    auto at = fields_.time("expires_at");
    if (const std::string text = fields_.text("expires_in", 32); !text.empty()) {
      const auto span = parse_span(text);
      if (at) fields_.refuse("expires_in", "expires_at is given, too", "give one of the two");
      if (!span)
        fields_.refuse("expires_in", fmt::format("'{}' is no span of time", text),
                       "write 90s, 15m, 12h or 7d");
      if (span) at = start + *span;
    }
    if (at && *at <= start) {
      fields_.refuse(fields_.has("expires_at") ? "expires_at" : "expires_in",
                     "it expires before it may be sent", "choose a later time");
    }
    return at ? at : start + limits_.default_expiry;
  }

  Fields& fields_;
  const SubmissionLimits& limits_;
  SystemTime now_;
};

class Reader {
 public:
  Reader(const json::object& body, const SubmissionLimits& limits, SystemTime now)
      : fields_(body), limits_(limits), now_(now) {}

  std::expected<ReadSubmission, Refusal> read() {
    OptionReader options(fields_, limits_, now_);
    options.read(out_.submission);
    policy_ = options.on_unknown();
    collapse_ = fields_.text("collapse", 64);
    const json::object* message = fields_.object("message");
    const json::array* messages = fields_.array("messages");
    if (message != nullptr && messages != nullptr) {
      fields_.refuse("messages", "message is given, too", "give one of the two");
    }
    const bool one_to = fields_.is_object("to");
    const json::object* to = one_to ? fields_.object("to") : nullptr;
    const json::array* tos = one_to ? nullptr : fields_.array("to");
    if (auto refusal = fields_.refusal()) return std::unexpected(*refusal);
    if (message == nullptr && messages == nullptr) {
      return invalid("message", "there is no message", R"(give {"message": {…}, "to": {…}})");
    }
    auto taken = messages != nullptr ? many_messages(*messages) : one_message(*message, to, tos);
    if (taken) taken = finish();
    if (!taken) return std::unexpected(taken.error());
    return std::move(out_);
  }

 private:
  using Taken = std::expected<void, Refusal>;

  Taken one_message(const json::object& message, const json::object* to, const json::array* tos) {
    auto read = read_fcm_message(json::value(message), collapse_, "message");
    if (!read) return std::unexpected(read.error());
    all_collapsible_ = read->collapsible;
    if ((to != nullptr || tos != nullptr) && read->target) {
      return invalid("to", "the message names a target, too", "give one of the two");
    }
    out_.submission.message = std::move(read->written);
    if (read->target) {
      out_.submission.messages.push_back({.target = *read->target});
      return {};
    }
    if (to != nullptr) return add(*to, "to", {});
    if (tos == nullptr) return invalid("to", "there is no target", std::string(to_remedy));
    if (auto few = check_count("to", tos->size()); !few) return few;
    for (std::size_t i = 0; i < tos->size(); ++i) {
      const std::string where = fmt::format("to[{}]", i);
      const json::object* each = (*tos)[i].if_object();
      if (each == nullptr) return invalid(where, "it is not an object", std::string(to_remedy));
      if (auto added = add(*each, where, {}); !added) return added;
    }
    return {};
  }

  Taken many_messages(const json::array& messages) {
    if (auto few = check_count("messages", messages.size()); !few) return few;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const std::string where = fmt::format("messages[{}]", i);
      const json::object* each = messages[i].if_object();
      if (each == nullptr)
        return invalid(where, "it is not an object", "write {\"message\": …, \"to\": …}");
      Fields fields(*each, where + ".");
      const json::object* message = fields.object("message");
      const json::object* to = fields.object("to");
      if (auto refusal = fields.refusal()) return std::unexpected(*refusal);
      if (message == nullptr) return invalid(where + ".message", "there is no message");
      auto read = read_fcm_message(json::value(*message), collapse_, where + ".message");
      if (!read) return std::unexpected(read.error());
      all_collapsible_ = all_collapsible_ && read->collapsible;
      if (read->target.has_value() == (to != nullptr)) {
        return invalid(where + ".to", "exactly one target is wanted", std::string(to_remedy));
      }
      if (read->target) {
        out_.submission.messages.push_back({.target = *read->target, .message = read->written});
      } else if (auto added = add(*to, where + ".to", std::move(read->written)); !added) {
        return added;
      }
    }
    return {};
  }

  Taken add(const json::object& object, const std::string& where, std::string message) {
    auto to = read_to(object, where);
    if (!to) return std::unexpected(to.error());
    if (to->to_audience) {
      if (where != "to")
        return invalid(where, "an audience stands alone", R"(write "to": {"audience": "…"})");
      out_.audience = std::move(to->audience);
      out_.to_audience = true;
    } else if (to->target) {
      out_.submission.messages.push_back(
          {.target = *std::move(to->target), .message = std::move(message)});
    } else {
      out_.users.push_back({std::move(to->user), std::move(message)});
    }
    return {};
  }

  // Before any of them is read, which would take long.
  [[nodiscard]] Taken check_count(const std::string& field, std::size_t count) const {
    if (count <= limits_.targets) return {};
    return invalid(
        field,
        fmt::format("there are {} targets, and one request takes {}", count, limits_.targets),
        "send several requests, or a campaign to an audience");
  }

  Taken finish() {
    const std::size_t count = out_.submission.messages.size() + out_.users.size();
    if (count == 0 && !out_.to_audience) {
      return invalid("to", "there is no target", std::string(to_remedy));
    }
    using queue::OnUnknown;
    const bool repeat = policy_ == OnUnknown::retry ||
                        (policy_ == OnUnknown::retry_if_collapsible && all_collapsible_);
    out_.submission.on_unknown = repeat ? OnUnknown::retry : OnUnknown::drop;
    return {};
  }

  Fields fields_;
  const SubmissionLimits& limits_;
  SystemTime now_;
  ReadSubmission out_;
  queue::OnUnknown policy_ = queue::OnUnknown::retry;
  std::string collapse_;
  bool all_collapsible_ = true;
};

}  // namespace

std::string read_labels(Fields& fields) {
  const json::object* object = fields.object("labels");
  if (object == nullptr) return {};
  for (const auto& [name, value] : *object) {
    if (!value.is_string()) fields.refuse("labels", "its values are strings", "quote them");
  }
  std::string text = json::serialize(*object);
  if (text.size() > 2048)
    fields.refuse("labels", "they are longer than 2048 bytes", "shorten them");
  return text;
}

std::expected<ReadFcmMessage, Refusal> read_fcm_message(const json::value& message,
                                                        const std::string& collapse,
                                                        const std::string& where) {
  fcm::ReadMessage read = fcm::read_message(json::serialize(message));
  if (!read.faults.empty()) {
    const fcm::ReadFault& fault = read.faults.front();
    return invalid(place_of(where, fault.path), fault.what, fault.remedy);
  }
  Message& parsed = read.parsed.message;
  if (!collapse.empty()) set_collapse(parsed, collapse);
  for (const Finding& finding : check_message(parsed)) {
    if (finding.severity == Severity::fault) {
      return invalid(place_of(where, finding.path), finding.what, finding.remedy);
    }
  }
  return ReadFcmMessage{.written = fcm::write_message(parsed),
                        .target = std::move(read.parsed.target),
                        .collapsible = is_collapsible(parsed)};
}

std::expected<ReadSubmission, Refusal> read_submission(const json::object& body,
                                                       const SubmissionLimits& limits,
                                                       SystemTime now) {
  return Reader(body, limits, now).read();
}

}  // namespace fanfare::gateway
