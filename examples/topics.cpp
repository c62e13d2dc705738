// Subscribes a device to a topic, lists what it has, and takes it out again: topics TOPIC TOKEN
#include <iostream>

#include <fanfare/topics.h>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: topics TOPIC TOKEN\n";
    return 2;
  }
  const std::string topic = argv[1];
  const fanfare::Target device{fanfare::TargetKind::token, argv[2]};
  auto topics = fanfare::Topics::open({});
  if (!topics) {
    std::cerr << topics.error().what << "\n" << topics.error().remedy << "\n";
    return 3;
  }
  const auto subscribed = topics->subscribe(topic, device);
  if (subscribed.verdict.action == fanfare::Action::retire_device) {
    std::cout << "the device is dead (" << subscribed.verdict.rule << ")\n";
    return 1;
  }
  if (!subscribed.accepted()) {
    std::cerr << subscribed.verdict.rule << ": " << fanfare::remedy_for(subscribed.verdict.rule)
              << "\n";
    return 1;
  }
  const auto all = topics->list(device);
  if (!all) {
    std::cerr << all.error().verdict.rule << ": " << all.error().verdict.text << "\n";
    return 1;
  }
  for (const auto& [name, since] : *all) std::cout << name << "\n";
  return topics->unsubscribe(topic, device).accepted() ? 0 : 1;
}
