// Finds what would stop a campaign before it begins: preflight TITLE
#include <iostream>

#include <fanfare/preflight.h>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: preflight TITLE\n";
    return 2;
  }
  fanfare::Message message;
  message.notification = {.title = argv[1]};
  int failed = 0;
  for (const auto& line : fanfare::preflight({}, message)) {
    std::cout << to_string(line.state) << " " << line.check << ": " << line.what << "\n";
    if (!line.remedy.empty()) std::cout << "  " << line.remedy << "\n";
    if (line.state == fanfare::PreflightLine::State::failed) ++failed;
  }
  return failed == 0 ? 0 : 1;
}
