// The signed assertion behind an access token. One an hour is needed, so its cost matters only to
// a program that starts, sends a message and ends.
#include <benchmark/benchmark.h>

#include "oauth/assertion.h"
#include "oauth/rsa_key.h"
#include "oauth/service_account.h"
#include "oauth/testing/throwaway_key.h"

namespace fanfare::bench {
namespace {

void read_key(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(oauth::parse_rsa_key(oauth::testing::throwaway_key_pem));
  }
}
BENCHMARK(read_key)->Unit(benchmark::kMicrosecond);

void make_assertion(benchmark::State& state) {
  const auto account = oauth::parse_service_account(
      oauth::testing::key_file("https://oauth2.googleapis.com/token"), "key.json");
  if (!account) return state.SkipWithError("the key file can't be read");
  const SystemTime now{};
  for (auto _ : state) {
    benchmark::DoNotOptimize(oauth::make_assertion(*account, oauth::messaging_scope, now));
  }
}
BENCHMARK(make_assertion)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace fanfare::bench
