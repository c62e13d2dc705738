// Sends one notification to one device: send TOKEN
// Credentials come from GOOGLE_APPLICATION_CREDENTIALS; FCM_EMULATOR_HOST=host:port needs none.
#include <iostream>

#include <fanfare/client.h>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: send TOKEN\n";
    return 2;
  }
  auto client = fanfare::Client::open({});
  if (!client) {
    std::cerr << client.error().what << "\n" << client.error().remedy << "\n";
    return 3;
  }
  fanfare::Message message;
  message.notification = {.title = "Hello", .body = "from Fanfare"};
  const auto outcome = client->send(message, {fanfare::TargetKind::token, argv[1]});
  std::cout << to_string(outcome.verdict.kind) << " (" << outcome.verdict.rule << ")\n";
  return outcome.accepted() ? 0 : 1;
}
