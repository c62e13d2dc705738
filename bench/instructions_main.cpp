// What bench/instructions counts: the parts of a message's way that need no socket, thread or
// clock, each run a number of times under callgrind. Every run executes the same instructions.
//
// Without callgrind it does the same and prints only what it was built with.
#include <string>

#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <nghttp2/nghttp2.h>
#include <simdjson.h>
#include <valgrind/callgrind.h>

#include "fanfare/verdict.h"

#include "bench/exchange.h"
#include "bench/samples.h"
#include "fcm/encoded_message.h"
#include "fcm/judge.h"
#include "fcm/message_json.h"

namespace fanfare::bench {
namespace {

// A power of ten, so that the totals can be read.
constexpr std::size_t messages = 1'000;
constexpr std::size_t batch_size = 50;  // About what a turn of the loop sends on one connection.
constexpr std::size_t batches = messages / batch_size;
// Until buffers have their size and the decoder's table is full.
constexpr std::size_t warm_up = 4;

// What a compiler must not take for unused.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "r,m"(&value) : "memory");
}

/// Counts what `rounds` calls cost, after some that are not counted.
template <class Work>
void count(const char* name, std::size_t rounds, Work work) {
  for (std::size_t i = 0; i < warm_up; ++i) work();
  CALLGRIND_ZERO_STATS;
  for (std::size_t i = 0; i < rounds; ++i) work();
  CALLGRIND_DUMP_STATS_AT(name);
}

void count_body() {
  const fcm::EncodedMessage message(a_message());
  const Target target = a_target();
  std::string escaped;
  count("body", messages, [&] { keep(message.body(target, escaped)); });
}

void count_judge(const char* name, const Answer& answer) {
  count(name, messages, [&] { keep(judge(answer, TargetKind::token)); });
}

// By a sender, into a verdict that is used again; a refusal is one that it has met before.
void count_judge_into(const char* name, const Answer& answer) {
  Verdict verdict;
  count(name, messages, [&] {
    fcm::judge_into(verdict, answer, TargetKind::token);
    keep(verdict);
  });
}

void count_parse() {
  count("read_message", messages, [] { keep(fcm::parse_message(message_text)); });
}

// The session alone: a body that is there already, an answer that nobody reads.
void count_session(const char* name, http2::Http2Engine engine, std::size_t token_chars) {
  const Script script(batches + warm_up, batch_size);
  Connection connection(engine, script, token_chars);
  const std::string body(400, 'b');
  count(name, batches, [&] {
    for (std::size_t i = 0; i < batch_size; ++i) connection.submit({.pieces = {body}});
    connection.exchange([](const http2::Response& response) { keep(response); });
  });
}

// All together: target in, verdict out.
void count_message(const char* name, http2::Http2Engine engine, std::size_t token_chars) {
  const Script script(batches + warm_up, batch_size);
  Connection connection(engine, script, token_chars);
  const fcm::EncodedMessage message(a_message());
  const Target target = a_target();
  std::string escaped;
  Answer answer;
  Verdict verdict;
  count(name, batches, [&] {
    for (std::size_t i = 0; i < batch_size; ++i) {
      connection.submit({.pieces = message.body(target, escaped)});
    }
    connection.exchange([&](http2::Response& response) {
      answer.status = response.status;
      answer.body.swap(response.body);
      fcm::judge_into(verdict, answer, TargetKind::token);
      keep(verdict);
    });
  });
}

void count_all() {
  count_body();
  count_judge_into("judge_accepted", an_answer(200, "accepted.json"));
  count_judge_into("judge_repeated", an_answer(404, "unregistered.json"));
  count_judge("judge_unregistered", an_answer(404, "unregistered.json"));
  count_judge("judge_page", an_answer(502, "bad_gateway.html"));
  count_parse();
  using enum http2::Http2Engine;
  count_session("session", frames, 180);
  count_session("session_nghttp2", nghttp2, 180);
  count_session("session_nghttp2_long_token", nghttp2, 1'024);
  count_message("message", frames, 180);
  count_message("message_long_token", frames, 1'024);
}

#ifdef NDEBUG
constexpr const char* build = "release";
#else
constexpr const char* build = "debug";
#endif

// Counts from different ones of these can't be compared.
void print_what_it_was_built_with() {
  fmt::print(R"({{"build":"{}","compiler":"g++ {}","libc":"{}","nghttp2":"{}","simdjson":"{} {}"}})"
             "\n",
             build, __VERSION__, ::gnu_get_libc_version(), ::nghttp2_version(0)->version_str,
             SIMDJSON_STRINGIFY(SIMDJSON_VERSION), simdjson::get_active_implementation()->name());
}

}  // namespace
}  // namespace fanfare::bench

int main() {
  fanfare::bench::count_all();
  fanfare::bench::print_what_it_was_built_with();
}
