// Sends one notification to every token on standard input, one a line, and prints those that may
// be deleted from your database, with the reason: send_list < tokens.txt > dead.txt
#include <iostream>

#include <fanfare/client.h>

int main() {
  auto client = fanfare::Client::open({});
  if (!client) {
    std::cerr << client.error().what << "\n" << client.error().remedy << "\n";
    return 3;
  }
  fanfare::Message message;
  message.notification = {.title = "Sale", .body = "Everything at half price"};

  const auto next = []() -> std::optional<fanfare::Target> {
    std::string token;
    if (!std::getline(std::cin, token)) return std::nullopt;
    return fanfare::Target{fanfare::TargetKind::token, token};
  };
  int accepted = 0;
  int failed = 0;
  client->send_each(message, next, [&](const fanfare::Outcome& outcome) {
    if (outcome.accepted()) {
      ++accepted;
    } else if (outcome.verdict.action == fanfare::Action::retire_device) {
      std::cout << outcome.target.value << " " << outcome.verdict.rule << "\n";
    } else {
      ++failed;  // Nobody's token is at fault: keep them all.
      std::cerr << outcome.verdict.rule << ": " << outcome.verdict.text << "\n";
    }
  });
  std::cerr << accepted << " accepted, " << failed << " failed\n";
  return failed == 0 ? 0 : 1;
}
