// From an answer to a verdict, for the answers that come often.
#include <benchmark/benchmark.h>

#include "fanfare/verdict.h"

#include "bench/samples.h"

namespace fanfare::bench {
namespace {

void judge_answer(benchmark::State& state, int status, const char* file) {
  const Answer answer = an_answer(status, file);
  for (auto _ : state) benchmark::DoNotOptimize(judge(answer, TargetKind::token));
}
BENCHMARK_CAPTURE(judge_answer, accepted, 200, "accepted.json");
BENCHMARK_CAPTURE(judge_answer, unregistered, 404, "unregistered.json");
BENCHMARK_CAPTURE(judge_answer, page, 502, "bad_gateway.html");

}  // namespace
}  // namespace fanfare::bench
