// Reaches all devices of one user by one key: device_group SENDER_ID NAME TOKEN …
#include <iostream>

#include <fanfare/client.h>
#include <fanfare/device_groups.h>

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: device_group SENDER_ID NAME TOKEN …\n";
    return 2;
  }
  const std::string name = argv[2];
  const std::vector<std::string> tokens(argv + 3, argv + argc);
  auto groups = fanfare::DeviceGroups::open({}, argv[1]);
  auto client = fanfare::Client::open({});
  if (!groups || !client) {
    std::cerr << (groups ? client.error() : groups.error()).what << "\n";
    return 3;
  }
  const auto key = groups->create(name, tokens);
  if (!key) {
    std::cerr << key.error().verdict.rule << ": " << fanfare::remedy_for(key.error().verdict.rule)
              << "\n";
    return 1;
  }
  fanfare::Message message;
  message.notification = {.title = "Somebody signed in"};
  const auto outcome = client->send(message, {fanfare::TargetKind::token, *key});
  std::cout << to_string(outcome.verdict.kind) << "\n";
  const auto ended = groups->remove(name, *key, tokens);  // With its last device the group is gone.
  if (!ended) std::cerr << "the group is still there: " << ended.error().verdict.rule << "\n";
  return outcome.accepted() && ended ? 0 : 1;
}
