// Finds what is wrong with a message before it costs anything, then has FCM check it and deliver
// nothing: check_message TITLE TOKEN
#include <iostream>

#include <fanfare/check.h>
#include <fanfare/client.h>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: check_message TITLE TOKEN\n";
    return 2;
  }
  const fanfare::Target target{fanfare::TargetKind::token, argv[2]};
  fanfare::Message message;
  message.notification = {.title = argv[1], .image = "http://example.com/cat.png"};

  bool sendable = true;
  for (const auto& finding : check_message(message, target)) {
    std::cout << to_string(finding.severity) << " " << finding.path << ": " << finding.what << "\n";
    if (finding.severity == fanfare::Severity::fault) sendable = false;
  }
  std::cout << "about " << fanfare::estimate_size(message).android_bytes << " bytes\n";
  if (!sendable) return 1;

  auto client = fanfare::Client::open({.validate_only = true});
  if (!client) {
    std::cerr << client.error().what << "\n" << client.error().remedy << "\n";
    return 3;
  }
  const auto outcome = client->send(message, target);
  std::cout << "FCM says: " << to_string(outcome.verdict.kind) << "\n";
  return outcome.accepted() ? 0 : 1;
}
