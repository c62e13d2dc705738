// Sends a message of its own to each of many devices, all at once: send_personal NAME=TOKEN …
#include <iostream>
#include <vector>

#include <fanfare/client.h>

int main(int argc, char** argv) {
  const std::vector<std::string> pairs(argv + 1, argv + argc);
  for (const auto& pair : pairs) {
    if (pair.contains('=')) continue;
    std::cerr << "usage: send_personal NAME=TOKEN …\n";
    return 2;
  }
  auto client = fanfare::Client::open({});
  if (!client) {
    std::cerr << client.error().what << "\n" << client.error().remedy << "\n";
    return 3;
  }
  std::vector<std::future<fanfare::Outcome>> outcomes;
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    fanfare::Message message;
    message.notification = {.title = "Hello " + pair.substr(0, equals)};
    outcomes.push_back(
        client->send_async(message, {fanfare::TargetKind::token, pair.substr(equals + 1)}));
  }
  int failed = 0;
  for (auto& pending : outcomes) {
    const auto outcome = pending.get();
    if (outcome.accepted()) {
      std::cout << outcome.verdict.name << "\n";  // FCM's name of the message.
    } else {
      ++failed;
      std::cerr << outcome.target.value << ": " << outcome.verdict.rule << "\n";
    }
  }
  return failed == 0 ? 0 : 1;
}
