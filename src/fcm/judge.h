// judge() for those who judge millions: into a verdict whose strings' memory is used again.
#pragma once

#include "fanfare/verdict.h"

namespace fanfare::fcm {

/// verdict = judge(answer, target). The usual answer, 200 with a name and nothing else, is known by
/// its text, without a parser and without an allocation; so is a refusal that this thread has
/// judged lately, as a fleet's dead are told in the same few words.
void judge_into(Verdict& verdict, const Answer& answer, TargetKind target);

}  // namespace fanfare::fcm
