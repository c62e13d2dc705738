// Says what an answer that somebody else got from FCM means, and whether the token may be deleted:
// explain_answer STATUS < body
#include <cstdlib>
#include <iostream>
#include <iterator>

#include <fanfare/answer_body.h>
#include <fanfare/verdict.h>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: explain_answer STATUS < body\n";
    return 2;
  }
  fanfare::Answer answer;
  answer.status = std::atoi(argv[1]);
  answer.body.assign(std::istreambuf_iterator<char>(std::cin), {});
  answer.received_at = std::chrono::system_clock::now();

  const auto verdict = judge(answer, fanfare::TargetKind::token);
  const bool dead = verdict.action == fanfare::Action::retire_device;
  std::cout << to_string(verdict.kind) << " by " << verdict.rule << "\n"
            << (dead ? "the token may be deleted" : "keep the token") << "\n";
  for (const auto& violation : fanfare::read_answer_body(answer.body).violations) {
    std::cout << "at fault: " << violation.field << "\n";
  }
  std::cout << fanfare::remedy_for(verdict.rule) << "\n";
  return 0;
}
