// Bytes of a client, fed to a server session that answers, resets or goes away.
//
// The first byte chooses the size of the pieces in which the rest arrives, the second what the
// server does with each request; so one input is one whole story.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "http2/server_session.h"

using namespace fanfare::http2;

namespace {

void handle(ServerSession& session, const Incoming& incoming, std::uint8_t deeds) {
  switch (deeds & 3) {
    case 0:
      session.respond(incoming.stream, {200, {{"a", "b"}}, incoming.request.body});
      break;
    case 1:
      session.reset(incoming.stream, ErrorCode::refused_stream);
      break;
    case 2:
      session.go_away(incoming.stream - 1, ErrorCode::no_error, "bye");
      break;
    default:
      break;  // Left unanswered.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece_bytes = data[0] == 0 ? size : data[0];
  const std::uint8_t deeds = data[1];
  std::span<const std::uint8_t> rest(data + 2, size - 2);

  ServerSession session({.streams = 4, .header_bytes = 2'000, .body_bytes = 5'000});
  std::string out;
  StreamId last = 0;
  while (!rest.empty() && !session.dead()) {
    const auto count = std::min(piece_bytes, rest.size());
    session.receive(rest.first(count));
    rest = rest.subspan(count);
    std::vector<Incoming> requests;
    session.take_requests(requests);
    for (const auto& incoming : requests) {
      if (incoming.request.body.size() > 5'000 || incoming.request.method.empty()) std::abort();
      last = std::max(last, incoming.stream);
      handle(session, incoming, deeds);
    }
    if (session.last_stream() < last || session.open_streams() > 4) std::abort();
    if ((deeds & 4) != 0) session.set_max_streams(deeds >> 4);
    if ((deeds & 8) != 0) session.take_output(out);
    out.clear();
  }
  session.take_output(out);
  return 0;
}
