#include "client/unsent_attempt.h"

#include <utility>

namespace fanfare::client {

Attempt unsent_attempt(const Target& target, std::string reason) {
  Answer answer;
  answer.transport = Answer::Transport::unsent;
  answer.reason = std::move(reason);
  Verdict verdict = judge(answer, target.kind);
  return {std::move(answer), std::move(verdict)};
}

}  // namespace fanfare::client
