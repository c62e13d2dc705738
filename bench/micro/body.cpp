// A request's body: what is written once per message, and once per target.
#include <benchmark/benchmark.h>

#include "bench/samples.h"
#include "fcm/encoded_message.h"

namespace fanfare::bench {
namespace {

void encode_message(benchmark::State& state) {
  const Message message = a_message();
  for (auto _ : state) benchmark::DoNotOptimize(fcm::EncodedMessage(message));
}
BENCHMARK(encode_message);

void append_body(benchmark::State& state) {
  const fcm::EncodedMessage message(a_message());
  const Target target = a_target();
  std::string body;
  for (auto _ : state) {
    body.clear();
    message.append_body(target, body);
    benchmark::DoNotOptimize(body.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(append_body);

}  // namespace
}  // namespace fanfare::bench
