// Bytes of a client, fed to a server session of HTTP/2 or HTTP/1.1 that answers, fails in some way
// or opens a tunnel, in which another session begins.
//
// The first byte chooses the size of the pieces in which the rest arrives, the second what the
// server does with each request; so one input is one whole story.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "http2/http1_session.h"
#include "http2/server_session.h"

using namespace fanfare::http2;

namespace {

constexpr ServerLimits limits{.streams = 4, .header_bytes = 2'000, .body_bytes = 5'000};

Response answer_to(const Incoming& incoming) {
  return {200, {{"a", "b"}}, incoming.request.body};
}

void check(const Incoming& incoming) {
  if (incoming.request.body.size() > limits.body_bytes || incoming.request.method.empty()) {
    std::abort();
  }
}

void fail(ServerSession& session, const Incoming& incoming, int how) {
  switch (how) {
    case 0:
      session.respond_half(incoming.stream, answer_to(incoming));
      break;
    case 1:
      session.drain();
      break;
    case 2:
      session.terminate(incoming.stream, ErrorCode::enhance_your_calm, "too_many_pings");
      break;
    default:
      break;  // Left unanswered.
  }
}

void handle(ServerSession& session, const Incoming& incoming, std::uint8_t deeds) {
  switch (deeds & 3) {
    case 0:
      session.respond(incoming.stream, answer_to(incoming));
      break;
    case 1:
      session.reset(incoming.stream, ErrorCode::refused_stream);
      break;
    case 2:
      session.go_away(incoming.stream - 1, ErrorCode::no_error, "bye");
      break;
    default:
      fail(session, incoming, deeds >> 4 & 3);
      break;
  }
}

/// The rest of the input is the client's, in pieces.
void speak_http2(std::span<const std::uint8_t> rest, std::size_t piece_bytes, std::uint8_t deeds) {
  ServerSession session(limits);
  std::string out;
  StreamId last = 0;
  while (!rest.empty() && !session.dead()) {
    const auto count = std::min(piece_bytes, rest.size());
    session.receive(rest.first(count));
    rest = rest.subspan(count);
    std::vector<Incoming> requests;
    session.take_requests(requests);
    for (const auto& incoming : requests) {
      check(incoming);
      last = std::max(last, incoming.stream);
      if (session.is_open(incoming.stream)) handle(session, incoming, deeds);
    }
    if (session.last_stream() < last || session.open_streams() > limits.streams) std::abort();
    if ((deeds & 4) != 0) session.set_max_streams(deeds >> 4);
    if ((deeds & 8) != 0) session.take_output(out);
    out.clear();
  }
  session.take_output(out);
}

/// What a CONNECT's tunnel begins with, and what has not been read by then.
std::optional<std::string> speak_http1(std::span<const std::uint8_t> rest, std::size_t piece_bytes,
                                       std::uint8_t deeds) {
  Http1Session session(limits, "http");
  std::string out;
  while (!rest.empty() && !session.dead() && session.wants_bytes()) {
    const auto count = std::min(piece_bytes, rest.size());
    session.receive(rest.first(count));
    rest = rest.subspan(count);
    std::vector<Incoming> requests;
    for (; session.has_request(); requests.clear()) {
      session.take_requests(requests);
      const auto& incoming = requests.front();
      check(incoming);
      if (incoming.request.method == "CONNECT" && (deeds & 4) != 0) {
        std::string tunnel = session.open_tunnel(incoming.stream);
        return tunnel.append(reinterpret_cast<const char*>(rest.data()), rest.size());
      }
      if ((deeds & 3) == 1) session.shut_down();
      if ((deeds & 3) == 2) session.respond_half(incoming.stream, answer_to(incoming));
      if ((deeds & 3) != 3) session.respond(incoming.stream, answer_to(incoming));
    }
    session.take_output(out);
    out.clear();
  }
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece_bytes = data[0] == 0 ? size : data[0];
  const std::uint8_t deeds = data[1];
  std::optional<std::string> input(std::in_place, reinterpret_cast<const char*>(data + 2),
                                   size - 2);
  while (input && !input->empty()) {
    const std::string client = *std::exchange(input, std::nullopt);
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(client.data()), client.size());
    if (client.starts_with("PRI * HTTP/2.0")) {
      speak_http2(bytes, piece_bytes, deeds);
    } else {
      input = speak_http1(bytes, piece_bytes, deeds);
    }
  }
  return 0;
}
