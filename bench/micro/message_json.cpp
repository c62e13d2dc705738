// A message as text, read and written.
#include "fcm/message_json.h"

#include <benchmark/benchmark.h>

#include "bench/samples.h"

namespace fanfare::bench {
namespace {

void parse_message(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(fcm::parse_message(message_text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message_text.size()));
}
BENCHMARK(parse_message);

void write_message(benchmark::State& state) {
  const auto parsed = fcm::parse_message(message_text);
  if (!parsed) return state.SkipWithError("the sample can't be read");
  for (auto _ : state) {
    benchmark::DoNotOptimize(fcm::write_message(parsed->message, parsed->target));
  }
}
BENCHMARK(write_message);

}  // namespace
}  // namespace fanfare::bench
