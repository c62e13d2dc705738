// One message with options for each platform: send_platforms TOKEN
#include <iostream>

#include <fanfare/client.h>

namespace {

fanfare::Result<fanfare::Message> goal_scored() {
  const auto aps = fanfare::JsonObject::parse(R"({"aps": {"sound": "cheer.caf", "badge": 1}})");
  if (!aps) return std::unexpected(aps.error());
  // Each platform says in its own way that nobody wants to know after ten minutes.
  const auto ttl = std::chrono::seconds(600);
  const auto end = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + ttl);
  fanfare::Message message;
  message.notification = {.title = "Goal!", .body = "1:0 after three minutes"};
  message.data = {{"match", "4711"}};
  message.fcm_options = {.analytics_label = "goals"};
  message.android = {
      .collapse_key = "match-4711",  // Only the latest score waits for a device.
      .priority = fanfare::AndroidPriority::high,
      .ttl = ttl,
      .notification = fanfare::AndroidNotification{.color = "#006633", .channel_id = "scores"}};
  message.apns = {.headers = {{"apns-priority", "10"},
                              {"apns-collapse-id", "match-4711"},
                              {"apns-expiration", std::to_string(end)}},
                  .payload = *aps};
  message.webpush = {
      .headers = {{"TTL", "600"}, {"Urgency", "high"}},
      .fcm_options = fanfare::WebpushFcmOptions{.link = "https://example.com/match/4711"}};
  return message;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: send_platforms TOKEN\n";
    return 2;
  }
  const auto message = goal_scored();
  auto client = fanfare::Client::open({});
  if (!message || !client) {
    std::cerr << (message ? client.error() : message.error()).what << "\n";
    return 3;
  }
  const auto outcome = client->send(*message, {fanfare::TargetKind::token, argv[1]});
  std::cout << to_string(outcome.verdict.kind) << "\n";
  return outcome.accepted() ? 0 : 1;
}
