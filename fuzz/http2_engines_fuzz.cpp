// Bytes of a server, fed to both engines of the client with the same requests open. They must
// agree on how each request ended, and on the answer. What the engine of our own writes is read as
// the server would read it: HPACK, windows and the order of frames.
//
// The first byte chooses the size of the pieces in which our engine gets each frame, the second
// what the client does between frames; so one input is one whole story. nghttp2 gets whole frames,
// and whole header blocks, since it judges by the piece: what it decides within one takes effect
// at the piece's end, and what is in the middle of a block already ends a request.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "http2/client_session.h"
#include "http2/testing/frames.h"
#include "http2/testing/header_decoder.h"
#include "http2_mutator.h"

using namespace fanfare::http2;
namespace f = fanfare::http2::testing;
using f::FrameType;

namespace {

constexpr ClientLimits limits{.streams = 6, .header_bytes = 2'000, .body_bytes = 5'000};

/// Together less than the connection's first window, which would make the engines choose whose
/// body goes first, and so whose request is whole when the connection dies.
constexpr std::array<std::size_t, 16> body_sizes{0, 2,     400, 17'000, 20,     20'000, 5,  0,
                                                 3, 9'000, 7,   0,      10'000, 30,     40, 50};

constexpr std::size_t frame_head_bytes = 9;

[[noreturn]] void complain(std::string_view what) {
  fmt::print(stderr, "{}\n", what);
  std::abort();
}

std::string a_body(RequestId id) {
  std::string body(body_sizes.at(id), static_cast<char>('a' + id));
  return body;
}

/// Mostly the same one, as a sender's; others come between and may drive it out of the table.
SharedHead a_head(RequestId id) {
  const auto make = [](std::size_t token_bytes) {
    return std::make_shared<const RequestHead>(
        RequestHead{.method = "POST",
                    .authority = "a",
                    .path = "/v1/send",
                    .headers = {{"authorization", std::string(token_bytes, 't')}}});
  };
  static const auto usual = make(100);
  static const std::map<RequestId, SharedHead> others{
      {5, make(200)}, {9, make(2'000)}, {11, make(200)}, {12, make(20'000)}};
  const auto other = others.find(id);
  return other == others.end() ? usual : other->second;
}

// --- The server's side of what our engine writes ---

/// Reads our engine's output as the server that sends the input would.
class Reader {
 public:
  /// A frame that the server sent.
  void on_sent(const f::Frame& frame) {
    if (frame.type == FrameType::settings && !frame.has(f::flag::ack)) {
      unacknowledged_.push_back(frame.payload);
    } else if (frame.type == FrameType::window_update && frame.payload.size() == 4) {
      windows_[frame.stream & 0x7fff'ffff] += frame.number() & 0x7fff'ffff;
    }
  }

  void read(std::string_view output) {
    for (const auto& frame : f::parse_frames(output)) on_frame(frame);
  }

  /// The words of the client's GOAWAY.
  [[nodiscard]] const std::string& goodbye() const noexcept { return goodbye_; }

 private:
  void on_frame(const f::Frame& frame) {
    if (!block_.empty() && frame.type != FrameType::continuation) complain("a block is cut");
    switch (frame.type) {
      case FrameType::headers:
        if (frame.stream % 2 == 0 || frame.stream <= last_stream_) complain("stream ids must rise");
        last_stream_ = frame.stream;
        bodies_[frame.stream].emplace();
        if (frame.has(f::flag::end_stream)) on_end(frame.stream);
        [[fallthrough]];
      case FrameType::continuation:
        block_ += frame.payload;
        if (frame.has(f::flag::end_headers)) on_block(std::exchange(block_, {}));
        break;
      case FrameType::data:
        on_data(frame);
        break;
      case FrameType::rst_stream:
        if (frame.stream > last_stream_) complain("a reset of an idle stream");
        bodies_[frame.stream].reset();
        break;
      case FrameType::settings:
        if (frame.has(f::flag::ack)) on_acknowledged();
        break;
      case FrameType::goaway:
        goodbye_ = frame.payload.substr(8);
        break;
      default:
        break;
    }
  }

  void on_block(const std::string& block) {
    const RequestId id = last_stream_ / 2;
    const auto head = a_head(id);
    f::Fields expected{{":method", head->method},
                       {":scheme", head->scheme},
                       {":authority", head->authority},
                       {":path", head->path},
                       {"authorization", head->headers[0].value},
                       {"content-length", std::to_string(body_sizes.at(id))}};
    if (decoder_.decode(block) != expected) complain("the server reads another head");
  }

  void on_data(const f::Frame& frame) {
    auto& body = bodies_[frame.stream];
    if (!body) complain("DATA on a closed stream");
    *body += frame.payload;
    spent_[0] += static_cast<std::int64_t>(frame.payload.size());
    spent_[frame.stream] += static_cast<std::int64_t>(frame.payload.size());
    if (spent_[0] > first_window + windows_[0]) complain("over the connection's window");
    if (!frame.payload.empty() && spent_[frame.stream] > stream_window_ + windows_[frame.stream]) {
      complain("over a stream's window");
    }
    if (frame.has(f::flag::end_stream)) on_end(frame.stream);
  }

  void on_end(std::uint32_t stream) {
    if (bodies_[stream] != a_body(stream / 2)) complain("the server reads another body");
    bodies_[stream].reset();
  }

  void on_acknowledged() {
    if (unacknowledged_.empty()) complain("an ACK too many");
    const std::string payload = unacknowledged_.front();
    unacknowledged_.erase(unacknowledged_.begin());
    const f::Frame entries{.payload = payload};
    for (std::size_t at = 0; at + 6 <= payload.size(); at += 6) {
      const auto id =
          static_cast<std::uint8_t>(payload[at]) * 256 + static_cast<std::uint8_t>(payload[at + 1]);
      if (id == f::setting::header_table_size) decoder_.set_table_bytes(entries.number(at + 2));
      if (id == f::setting::initial_window_size) stream_window_ = entries.number(at + 2);
    }
  }

  static constexpr std::int64_t first_window = 65'535;
  f::HeaderDecoder decoder_;
  std::vector<std::string> unacknowledged_;  ///< SETTINGS.
  std::int64_t stream_window_ = first_window;
  std::map<std::uint32_t, std::int64_t> windows_;  ///< What WINDOW_UPDATE gave.
  std::map<std::uint32_t, std::int64_t> spent_;
  std::map<std::uint32_t, std::optional<std::string>> bodies_;  ///< Of streams that are open.
  std::string block_;
  std::string goodbye_;
  std::uint32_t last_stream_ = 0;
};

// --- Both clients ---

struct Contender {
  std::unique_ptr<ClientSession> session;
  std::map<RequestId, Ended> ends;
  std::string output;  ///< Of the last step.

  explicit Contender(Http2Engine engine) : session(make_client_session(engine, limits)) {}

  void hear(std::string_view bytes) {
    session->receive({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  }
  void conclude() {
    output.clear();
    session->take_output(output);
    EndedList list;
    session->take_ended(list);
    for (auto& end : list.all()) {
      if (!ends.try_emplace(end.id, end).second) complain("a request ended twice");
    }
  }
};

Headers all_headers(const Response& response) {
  Headers all = response.headers;
  if (response.common) all.insert(all.end(), response.common->begin(), response.common->end());
  return all;
}

bool is_same(const Response& a, const Response& b) {
  return a.status == b.status && a.body == b.body &&
         std::ranges::equal(all_headers(a), all_headers(b),
                            [](const Header& one, const Header& other) {
                              return one.name == other.name && one.value == other.value;
                            });
}

/// nghttp2 judges a header block while it comes, we when it is whole. When the connection ends
/// within one, or over one that is broken, nghttp2 may have given the request up already, which
/// makes half a request `unknown` that to us was never whole.
bool was_given_up_early(const Ended& ours, const Ended& theirs) {
  return ours.how == Ended::How::unsent && theirs.how == Ended::How::unknown &&
         (theirs.reason.starts_with("the answer's headers exceed") ||
          theirs.reason.starts_with("malformed answer"));
}

/// A block that is no HPACK ends the connection. It was an answer, if a broken one, so that to us
/// half a request with such an answer is `unknown`; nghttp2 gives no word of it.
bool was_answered_by_garbage(const Ended& ours) {
  return ours.how == Ended::How::unknown &&
         ours.reason.starts_with("malformed answer: COMPRESSION_ERROR");
}

void compare(RequestId id, const Ended& ours, const Ended& theirs) {
  if (was_given_up_early(ours, theirs) || was_answered_by_garbage(ours)) return;
  if (ours.how != theirs.how || !is_same(ours.response, theirs.response)) {
    complain(fmt::format("request {}: we say {} ({}, status {}), nghttp2 says {} ({}, status {})",
                         id, static_cast<int>(ours.how), ours.reason, ours.response.status,
                         static_cast<int>(theirs.how), theirs.reason, theirs.response.status));
  }
}

/// Where we do what RFC 9113 demands and nghttp2 does something else. Nothing after that compares.
bool parts_ways(std::string_view goodbye) {
  // 6.9.2 wants an error of the connection; nghttp2 resets the stream alone.
  return goodbye == "SETTINGS: a stream's window over 2^31-1" ||
         // 8.4: a server that pushes has read our request, and so our SETTINGS before it. nghttp2
         // takes pushes until the server acknowledges them.
         goodbye == "PUSH_PROMISE: pushes are disabled";
}

// --- The server's bytes in steps ---

/// Takes one frame off the front, or HEADERS with all that belongs to its block. Nothing when they
/// are not whole.
std::string_view take_step(std::string_view& script, Reader& reader) {
  std::size_t size = 0;
  for (bool in_block = false;;) {
    std::string_view rest = script.substr(size);
    const std::size_t before = rest.size();
    const auto frame = f::next_frame(rest);
    if (!frame) return {};
    size += before - rest.size();
    reader.on_sent(*frame);
    const bool begins = frame->type == FrameType::headers;
    in_block = (begins != in_block) && (begins || frame->type == FrameType::continuation) &&
               !frame->has(f::flag::end_headers);
    if (!in_block) break;
  }
  return script.substr(0, size);
}

/// A frame that is too large must be refused before it is there; nghttp2 looks at others early,
/// too.
bool is_judged_by_its_head(std::string_view script) {
  if (script.size() < frame_head_bytes) return false;
  const auto size = [&](std::size_t at) { return static_cast<std::uint8_t>(script[at]); };
  return size(0) * 65'536 + size(1) * 256 + size(2) > 16'384;
}

void check_agreement(const ClientSession& ours, const ClientSession& theirs) {
  if (ours.dead() != theirs.dead()) complain(ours.dead() ? "only we died" : "only nghttp2 died");
  if (ours.open_streams() != theirs.open_streams()) complain("different requests are open");
  if (ours.free_streams() != theirs.free_streams()) complain("different streams are free");
  if (ours.draining() != theirs.draining()) complain("only one drains");
  if (ours.settled() != theirs.settled()) complain("only one is settled");
}

struct Story {
  Contender ours{Http2Engine::frames};
  Contender theirs{Http2Engine::nghttp2};
  Reader reader;
  RequestId next = 0;
  std::size_t piece_bytes;
  std::uint8_t deeds;

  Story(std::uint8_t piece, std::uint8_t client_deeds) : piece_bytes(piece), deeds(client_deeds) {}

  void submit_what_fits() {
    for (; next < body_sizes.size() && ours.session->free_streams() > 0; ++next) {
      const auto body = a_body(next);
      const BodyPieces pieces{{body, {}, {}}};
      ours.session->submit(next, a_head(next), pieces);
      theirs.session->submit(next, a_head(next), pieces);
    }
  }
  void both(const auto& deed) {
    deed(*ours.session);
    deed(*theirs.session);
  }
  void act(std::size_t step) {
    if ((deeds & 1) != 0 && step == 2) both([](auto& session) { session.cancel(1, "deadline"); });
    if ((deeds & 4) != 0 && step == 3) both([](auto& session) { session.shut_down(); });
    if ((deeds & 8) != 0) both([](auto& session) { session.ping(); });
  }
  void hear(std::string_view bytes) {
    theirs.hear(bytes);
    const std::size_t piece = piece_bytes == 0 ? bytes.size() : piece_bytes;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      ours.hear(bytes.substr(0, piece));
    }
  }
  /// False: nothing compares any more.
  bool conclude() {
    ours.conclude();
    theirs.conclude();
    reader.read(ours.output);
    return !parts_ways(reader.goodbye());
  }
  bool tell(std::string_view script) {
    submit_what_fits();
    if ((deeds & 2) != 0 && !conclude()) return false;
    for (std::size_t step = 0; !ours.session->dead(); ++step) {
      const auto bytes = take_step(script, reader);
      if (bytes.empty() && !is_judged_by_its_head(script)) break;
      hear(bytes.empty() ? script.substr(0, frame_head_bytes) : bytes);
      // nghttp2 writes at the end of what it hears, we when asked: so ask, before the client acts.
      if (!conclude()) return false;
      act(step);
      if (!conclude()) return false;
      check_agreement(*ours.session, *theirs.session);
      if (ours.session->take_pongs() != theirs.session->take_pongs()) complain("different pongs");
      if (bytes.empty()) break;
      script.remove_prefix(bytes.size());
      submit_what_fits();
    }
    both([](auto& session) { session.connection_lost("end of input"); });
    return conclude();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Story story(data[0], data[1]);
  if (!story.tell({reinterpret_cast<const char*>(data) + 2, size - 2})) return 0;
  for (RequestId id = 0; id < story.next; ++id) {
    if (!story.ours.ends.contains(id) || !story.theirs.ends.contains(id)) complain("no end");
    compare(id, story.ours.ends.at(id), story.theirs.ends.at(id));
  }
  return 0;
}
