// Wakes the app without showing anything, so that it can fetch what is new: send_silent TOKEN
#include <iostream>

#include <fanfare/client.h>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: send_silent TOKEN\n";
    return 2;
  }
  auto client = fanfare::Client::open({});
  const auto aps = fanfare::JsonObject::parse(R"({"aps": {"content-available": 1}})");
  if (!client || !aps) {
    std::cerr << (client ? aps.error() : client.error()).what << "\n";
    return 3;
  }
  fanfare::Message message;
  message.data = {{"sync", "inbox"}};  // No notification: the app gets it, and nobody sees it.
  message.android = {.collapse_key = "sync", .priority = fanfare::AndroidPriority::normal};
  // Apple refuses or delays a background push that does not say all three of these.
  message.apns = {.headers = {{"apns-push-type", "background"}, {"apns-priority", "5"}},
                  .payload = *aps};
  const auto outcome = client->send(message, {fanfare::TargetKind::token, argv[1]});
  std::cout << to_string(outcome.verdict.kind) << "\n";
  return outcome.accepted() ? 0 : 1;
}
