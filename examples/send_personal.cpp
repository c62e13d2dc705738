// Sends a message of its own to each of many devices, all at once: send_personal NAME=TOKEN …
#include <iostream>
#include <vector>

#include <fanfare/client.h>

int main(int argc, char** argv) {
  auto client = fanfare::Client::open({});
  if (!client) {
    std::cerr << client.error().what << "\n" << client.error().remedy << "\n";
    return 3;
  }
  std::vector<std::future<fanfare::Outcome>> outcomes;
  for (int i = 1; i < argc; ++i) {
    const std::string pair = argv[i];
    const auto equals = pair.find('=');
    if (equals == std::string::npos) {
      std::cerr << "usage: send_personal NAME=TOKEN …\n";
      return 2;
    }
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
