// Sends to all who are interested: send_topic news, or send_topic "'news' in topics && 'de' in
// topics"
#include <iostream>

#include <fanfare/check.h>
#include <fanfare/client.h>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: send_topic TOPIC|CONDITION\n";
    return 2;
  }
  const std::string to = argv[1];
  const bool is_condition = to.contains(' ');
  const fanfare::Target target{
      is_condition ? fanfare::TargetKind::condition : fanfare::TargetKind::topic, to};
  fanfare::Message message;
  message.notification = {.title = "Extra", .body = "Read all about it"};
  // A condition that is malformed is found here, with the place, and costs no quota.
  for (const auto& finding : check_message(message, target)) {
    std::cerr << finding.path << ": " << finding.what << "\n";
    if (finding.severity == fanfare::Severity::fault) return 2;
  }
  auto client = fanfare::Client::open({});
  if (!client) {
    std::cerr << client.error().what << "\n" << client.error().remedy << "\n";
    return 3;
  }
  const auto outcome = client->send(message, target);
  std::cout << to_string(outcome.verdict.kind) << "\n";
  return outcome.accepted() ? 0 : 1;
}
