// Sends one notification to every token on standard input, one a line, and prints those that may
// be deleted from your database, with the reason: send_list < tokens.txt > dead.txt
#include <iostream>
#include <vector>

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
  std::size_t accepted = 0;
  std::size_t failed = 0;
  std::vector<fanfare::Outcome> dead;
  client->send_each(message, next, [&](const fanfare::Outcome& outcome) {
    if (outcome.accepted()) {
      ++accepted;
    } else if (outcome.verdict.action == fanfare::Action::retire_device) {
      dead.push_back(outcome);
    } else {
      ++failed;  // Nothing says for certain that the token is at fault: keep it.
      std::cerr << outcome.verdict.rule << ": " << fanfare::remedy_for(outcome.verdict.rule)
                << "\n";
    }
  });
  std::cerr << accepted << " accepted, " << dead.size() << " dead, " << failed << " failed\n";
  // FCM has called living devices dead in an outage: so many at once are not believed.
  if (dead.size() > 100 && dead.size() * 10 > (accepted + dead.size()) * 3) {
    std::cerr << "more than 30 % dead: look into it before you delete any\n";
    return 1;
  }
  for (const auto& outcome : dead) {
    std::cout << outcome.target.value << " " << outcome.verdict.rule << "\n";
  }
  return failed == 0 ? 0 : 1;
}
