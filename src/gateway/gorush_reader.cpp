#include "gateway/gorush_reader.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "fanfare/check.h"

#include "fcm/message_json.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;

constexpr std::uint64_t ios = 1;
constexpr std::uint64_t android = 2;
constexpr std::uint64_t huawei = 3;

// gorush's priorities: FCM has two.
bool is_high(const std::string& priority) {
  return priority == "high" || priority == "10";
}

// One notification in gorush's names becomes a message in FCM's.
class NotificationReader {
 public:
  NotificationReader(const json::object& object, std::string where)
      : fields_(object, where + "."), where_(std::move(where)) {}

  std::expected<queue::Submission, Refusal> read(const SubmissionLimits& limits, SystemTime now) {
    fields_.allow_unknown();  // gorush ignores what it does not know.
    read_platform();
    read_shown();
    read_android();
    read_apns();
    read_data();
    queue::Submission out;
    out.expires_at = now + limits.default_expiry;
    if (const auto ttl = fields_.number("time_to_live", 2'419'200)) {
      if (!message_.android) message_.android.emplace();
      message_.android->ttl = std::chrono::seconds(*ttl);
    }
    read_targets(out);
    if (auto refusal = fields_.refusal()) return std::unexpected(*refusal);
    for (const Finding& finding : check_message(message_)) {
      if (finding.severity == Severity::fault) {
        return std::unexpected(Refusal{.message = finding.what,
                                       .remedy = finding.remedy,
                                       .field = where_ + ": " + finding.path});
      }
    }
    out.message = fcm::write_message(message_);
    return out;
  }

 private:
  void read_platform() {
    platform_ = fields_.number("platform", huawei).value_or(android);
    if (platform_ == huawei) {
      fields_.refuse("platform", "Huawei's service is not reached through FCM",
                     "send these through gorush as before");
    }
  }

  void read_shown() {
    Notification shown;
    shown.title = fields_.text("title");
    shown.body = fields_.text("message", 4096);
    shown.image = fields_.text("image", 2048);
    if (const json::object* notification = fields_.object("notification")) {
      Fields own(*notification, where_ + ".notification.");
      own.allow_unknown();
      if (shown.title.empty()) shown.title = own.text("title");
      if (shown.body.empty()) shown.body = own.text("body", 4096);
      if (shown.image.empty()) shown.image = own.text("image", 2048);
      if (auto refusal = own.refusal()) fields_.refuse("notification", refusal->message);
    }
    const bool silent =
        fields_.flag("content_available") && shown.title.empty() && shown.body.empty();
    content_available_ = fields_.flag("content_available");
    if (!silent && shown != Notification{}) message_.notification = std::move(shown);
  }

  void read_android() {
    AndroidConfig config;
    if (const std::string priority = fields_.text("priority", 16); !priority.empty()) {
      config.priority = is_high(priority) ? AndroidPriority::high : AndroidPriority::normal;
      high_ = is_high(priority);
    }
    config.collapse_key = fields_.text("collapse_key", 64);
    config.restricted_package_name = fields_.text("restricted_package_name", 256);
    const auto sound = fields_.optional_text("sound", 256);
    sound_ = sound.value_or("");
    if (platform_ == android && !sound_.empty()) {
      config.notification.emplace();
      config.notification->sound = sound_;
    }
    if (platform_ == android && config != AndroidConfig{}) message_.android = std::move(config);
  }

  void read_apns() {
    if (platform_ != ios) return;
    json::object aps;
    if (const auto badge = fields_.number("badge", 1'000'000)) aps["badge"] = *badge;
    if (!sound_.empty()) aps["sound"] = sound_;
    if (content_available_) aps["content-available"] = 1;
    if (fields_.flag("mutable_content")) aps["mutable-content"] = 1;
    if (const std::string category = fields_.text("category", 256); !category.empty()) {
      aps["category"] = category;
    }
    if (const std::string thread = fields_.text("thread-id", 256); !thread.empty()) {
      aps["thread-id"] = thread;
    }
    ApnsConfig config;
    header(config, "apns-topic", "topic");
    header(config, "apns-collapse-id", "collapse_id");
    header(config, "apns-push-type", "push_type");
    if (high_) config.headers["apns-priority"] = *high_ ? "10" : "5";
    if (!aps.empty()) {
      config.payload = JsonObject::parse(json::serialize(json::object{{"aps", aps}})).value();
    }
    if (config != ApnsConfig{}) message_.apns = std::move(config);
  }

  void header(ApnsConfig& config, const char* header, const char* field) {
    if (std::string value = fields_.text(field, 256); !value.empty()) {
      config.headers[header] = std::move(value);
    }
  }

  // FCM's data are strings; gorush takes any JSON and writes it out as text.
  void read_data() {
    const json::object* data = fields_.object("data");
    if (data == nullptr) return;
    for (const auto& [name, value] : *data) {
      message_.data[std::string(name)] =
          value.is_string() ? std::string(value.get_string()) : json::serialize(value);
    }
  }

  void read_targets(queue::Submission& out) {
    const std::string platform = platform_ == ios ? "ios" : "android";
    for (std::string& token : fields_.texts("tokens", 10'000)) {
      add("tokens", {TargetKind::token, std::move(token)}, out);
      out.messages.back().platform = platform;
    }
    if (const auto to = fields_.optional_text("to", 4096); to && !to->empty()) add_to(*to, out);
    // On Android a topic is a target, on iOS the app's bundle id.
    if (platform_ == android) {
      if (const auto topic = fields_.optional_text("topic", 1024); topic && !topic->empty()) {
        add_to("/topics/" + *topic, out);
      }
    }
    if (const auto condition = fields_.optional_text("condition", 4096);
        condition && !condition->empty()) {
      add("condition", {TargetKind::condition, *condition}, out);
    }
    if (out.messages.empty()) {
      fields_.refuse("tokens", "there is no target", "give tokens, a topic or a condition");
    }
  }

  void add_to(std::string to, queue::Submission& out) {
    constexpr std::string_view topics = "/topics/";
    Target target{TargetKind::token, std::move(to)};
    if (target.value.starts_with(topics)) {
      target = {TargetKind::topic, target.value.substr(topics.size())};
    }
    add("to", std::move(target), out);
  }

  void add(std::string_view field, Target target, queue::Submission& out) {
    for (const Finding& finding : check_target(target)) {
      if (finding.severity == Severity::fault) fields_.refuse(field, finding.what, finding.remedy);
    }
    out.messages.push_back({.target = std::move(target)});
  }

  Fields fields_;
  std::string where_;
  std::uint64_t platform_ = android;
  std::string sound_;
  bool content_available_ = false;
  std::optional<bool> high_;
  Message message_;
};

}  // namespace

std::expected<GorushPush, Refusal> read_gorush(const json::object& body,
                                               const SubmissionLimits& limits, SystemTime now) {
  Fields fields(body);
  fields.allow_unknown();
  const json::array* notifications = fields.array("notifications");
  if (auto refusal = fields.refusal()) return std::unexpected(*refusal);
  if (notifications == nullptr || notifications->empty()) {
    return std::unexpected(Refusal{.message = "there is no notification",
                                   .remedy = R"(give {"notifications": [{…}]})",
                                   .field = "notifications"});
  }
  GorushPush push;
  for (std::size_t i = 0; i < notifications->size(); ++i) {
    const std::string where = fmt::format("notifications[{}]", i);
    const json::object* each = (*notifications)[i].if_object();
    if (each == nullptr) {
      return std::unexpected(Refusal{.message = "it is not an object", .field = where});
    }
    auto read = NotificationReader(*each, where).read(limits, now);
    if (!read) return std::unexpected(read.error());
    push.count += read->messages.size();
    if (push.count > limits.targets) {
      return std::unexpected(
          Refusal{.message = fmt::format("there are more than {} targets", limits.targets),
                  .remedy = "send several requests",
                  .field = "notifications"});
    }
    push.submissions.push_back(*std::move(read));
  }
  return push;
}

}  // namespace fanfare::gateway
