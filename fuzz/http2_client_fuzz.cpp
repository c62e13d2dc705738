// Bytes of a server, fed to a client session that has requests open. Whatever they are, each
// request ends exactly once.
//
// The first byte chooses the size of the pieces in which the rest arrives, the second what the
// client does between them; so one input is one whole story, told to each engine.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "http2/client_session.h"
#include "http2_mutator.h"

using namespace fanfare::http2;

namespace {

constexpr RequestId request_count = 6;

void count_ends(ClientSession& session, std::array<int, request_count>& ends) {
  EndedList ended;
  session.take_ended(ended);
  for (const auto& end : ended.all()) ++ends.at(end.id);
}

SharedHead a_head(std::string path) {
  return std::make_shared<const RequestHead>(
      RequestHead{.method = "POST", .authority = "a", .path = std::move(path)});
}

void tell(Http2Engine engine, std::size_t piece_bytes, std::uint8_t deeds,
          std::span<const std::uint8_t> rest) {
  const auto owned =
      make_client_session(engine, {.streams = 4, .header_bytes = 2'000, .body_bytes = 5'000});
  ClientSession& session = *owned;
  std::array<int, request_count> ends{};
  std::string out;
  RequestId next = 0;
  const auto head = a_head("/");
  const auto other_head = a_head("/other");
  const auto submit_what_fits = [&] {
    while (next < request_count && session.free_streams() > 0) {
      const std::string body(next % 3 * 10'000, 'x');
      session.submit(next, next % 4 == 3 ? other_head : head, BodyPieces{{body, {}, {}}});
      ++next;
    }
  };
  submit_what_fits();
  session.take_output(out);
  for (std::size_t piece = 0; !rest.empty() && !session.dead(); ++piece) {
    const auto count = std::min(piece_bytes, rest.size());
    session.receive(rest.first(count));
    rest = rest.subspan(count);
    if ((deeds & 1) != 0 && piece == 2) session.cancel(1, "deadline");
    if ((deeds & 2) != 0) session.take_output(out);
    if ((deeds & 4) != 0 && piece == 3) session.shut_down();
    if ((deeds & 8) != 0) session.ping();
    count_ends(session, ends);
    submit_what_fits();
    out.clear();
  }
  session.take_output(out);
  session.connection_lost("end of input");
  count_ends(session, ends);
  for (RequestId id = 0; id < request_count; ++id) {
    if (ends[id] != (id < next ? 1 : 0)) std::abort();
  }
  if (session.open_streams() != 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece_bytes = data[0] == 0 ? size : data[0];
  for (const auto engine : {Http2Engine::nghttp2, Http2Engine::frames}) {
    tell(engine, piece_bytes, data[1], {data + 2, size - 2});
  }
  return 0;
}
