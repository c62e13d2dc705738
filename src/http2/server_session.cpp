#include "http2/server_session.h"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "http2/nghttp2_handle.h"
#include "http2/request_rules.h"

namespace fanfare::http2 {
namespace {

/// One stream. It lives until nghttp2, which holds pointers to it, has closed the stream.
struct Exchange {
  /// A request is `arriving`, then `open` (the owner's turn), then `settled`: answered, reset or
  /// to be ignored.
  enum class State : std::uint8_t { arriving, open, settled };

  StreamId stream = 0;
  State state = State::arriving;
  bool in_body = false;  ///< The request's headers are complete; later ones are trailers.
  bool head = false;     ///< A HEAD request, whose answer has no body.
  std::size_t header_bytes = 0;
  std::size_t held_bytes = 0;  ///< Its part of the session's.
  RequestRules rules;
  Request request;
  Outgoing response;
};

/// How much of an answer's body is written.
enum class Extent : std::uint8_t { whole, half };

/// What a field counts beside its bytes, since it costs memory even when it is one byte on the wire
/// (RFC 9113, 6.5.2).
constexpr std::size_t field_overhead_bytes = 32;

/// What marks the PING whose acknowledgement ends drain().
constexpr std::array<std::uint8_t, 8> drain_ping{'d', 'r', 'a', 'i', 'n', 'i', 'n', 'g'};

/// What to say to a client when nghttp2 gives up without a GOAWAY of its own: after a flood, a
/// wrong preface, or for want of memory.
std::uint32_t farewell(ssize_t lib_error) noexcept {
  if (lib_error == NGHTTP2_ERR_FLOODED) return NGHTTP2_ENHANCE_YOUR_CALM;
  if (lib_error == NGHTTP2_ERR_BAD_CLIENT_MAGIC) return NGHTTP2_PROTOCOL_ERROR;
  return NGHTTP2_INTERNAL_ERROR;
}

std::string_view as_text(const std::uint8_t* bytes, std::size_t count) noexcept {
  return {reinterpret_cast<const char*>(bytes), count};
}

}  // namespace

struct ServerSession::Impl {
  explicit Impl(const ServerLimits& session_limits);
  void set_callbacks(nghttp2_session_callbacks* callbacks);

  // What the owner asks for.
  void receive(std::span<const std::uint8_t> bytes);
  void take_requests(std::vector<Incoming>& out);
  void respond(StreamId stream, Response response, Extent extent);
  void reset(StreamId stream, ErrorCode code);
  void go_away(StreamId last_stream, ErrorCode code, std::string_view debug);
  void drain();
  void terminate(StreamId last_stream, ErrorCode code, std::string_view debug);
  void serialise_until(std::size_t high_water_bytes);
  void serialise_all() {
    if (!dead) serialise_until(std::numeric_limits<std::size_t>::max());
  }

  // What nghttp2 reports.
  [[nodiscard]] bool exceeds_limit(const nghttp2_frame_hd& head);
  void on_begin_headers(const nghttp2_frame& frame);
  void on_header(Exchange& exchange, std::string_view name, std::string_view value);
  void on_data(Exchange& exchange, std::string_view bytes);
  void on_ping(const nghttp2_ping& ping);
  void on_frame(const nghttp2_frame& frame);
  [[nodiscard]] static bool is_sound(const Exchange& exchange, const nghttp2_frame_hd& head);
  void on_arrived(Exchange& exchange);
  void on_stream_close(StreamId stream);

  void hold(Exchange& exchange, std::size_t bytes);
  void let_go(Exchange& exchange);
  void settle(Exchange& exchange);
  void answer(Exchange& exchange, Response response, Extent extent = Extent::whole);
  void refuse(Exchange& exchange, int status, std::string_view words);
  void reset_malformed(Exchange& exchange);

  [[nodiscard]] Exchange* find(StreamId stream) const noexcept {
    return static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session.get(), stream));
  }
  /// Of a stream whose request the owner has yet to answer.
  [[nodiscard]] Exchange* find_open(StreamId stream) const noexcept {
    auto* exchange = find(stream);
    return exchange != nullptr && exchange->state == Exchange::State::open ? exchange : nullptr;
  }

  ServerLimits limits;
  SessionHandle session;
  std::unordered_map<StreamId, Exchange> exchanges;  ///< Its nodes stay where they are.
  std::vector<StreamId> arrived;                     ///< Not yet taken by the owner.
  std::size_t open_count = 0;
  std::size_t held_bytes = 0;  ///< Of all exchanges.
  StreamId last_stream = 0;
  StreamId last_seen = 0;  ///< Like last_stream, refused and ignored ones included.
  StreamId goaway_last = std::numeric_limits<StreamId>::max();
  std::vector<nghttp2_nv> fields;  ///< Of the answer being submitted; kept for its memory.
  std::string output;
  bool draining = false;  ///< Notice is given, and the pong still to come.
  bool limit_exceeded = false;
  bool dead = false;
};

ServerSession::Impl::Impl(const ServerLimits& session_limits) : limits(session_limits) {
  const auto callbacks = make_callbacks();
  set_callbacks(callbacks.get());
  const auto options = make_options();
  nghttp2_option_set_no_http_messaging(options.get(), 1);  // RequestRules has it instead.
  nghttp2_session* raw = nullptr;
  if (nghttp2_session_server_new2(&raw, callbacks.get(), this, options.get()) != 0) {
    throw std::bad_alloc();
  }
  session.reset(raw);

  const auto header_bytes = static_cast<std::uint32_t>(
      std::min<std::size_t>(limits.header_bytes, std::numeric_limits<std::uint32_t>::max()));
  const std::array<nghttp2_settings_entry, 3> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, header_bytes},
  }};
  nghttp2_submit_settings(raw, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(raw, NGHTTP2_FLAG_NONE, 0, connection_window_bytes);
}

void ServerSession::Impl::set_callbacks(nghttp2_session_callbacks* callbacks) {
  nghttp2_session_callbacks_set_on_begin_frame_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame_hd* head, void* self) {
        const bool exceeds = static_cast<Impl*>(self)->exceeds_limit(*head);
        return exceeds ? static_cast<int>(NGHTTP2_ERR_CALLBACK_FAILURE) : 0;
      });
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        static_cast<Impl*>(self)->on_begin_headers(*frame);
        return 0;
      });
  nghttp2_session_callbacks_set_on_header_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* self) {
        auto& impl = *static_cast<Impl*>(self);
        if (auto* exchange = impl.find(frame->hd.stream_id)) {
          impl.on_header(*exchange, as_text(name, name_size), as_text(value, value_size));
        }
        return 0;
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data,
                    std::size_t count, void* self) {
        auto& impl = *static_cast<Impl*>(self);
        if (auto* exchange = impl.find(stream)) impl.on_data(*exchange, as_text(data, count));
        return 0;
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        static_cast<Impl*>(self)->on_frame(*frame);
        return 0;
      });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      callbacks, [](nghttp2_session*, std::int32_t stream, std::uint32_t, void* self) {
        static_cast<Impl*>(self)->on_stream_close(stream);
        return 0;
      });
}

// --- What the owner asks for ---

void ServerSession::Impl::receive(std::span<const std::uint8_t> bytes) {
  if (dead) return;
  const ssize_t taken = nghttp2_session_mem_recv(session.get(), bytes.data(), bytes.size());
  if (taken < 0) {
    if (!limit_exceeded) nghttp2_session_terminate_session(session.get(), farewell(taken));
    serialise_all();
    dead = true;
    return;
  }
  serialise_until(idle_output_bytes);  // So that a protocol error kills the session here and now.
}

void ServerSession::Impl::serialise_until(std::size_t high_water_bytes) {
  if (!serialise(session.get(), output, high_water_bytes) ||
      (nghttp2_session_want_read(session.get()) == 0 &&
       nghttp2_session_want_write(session.get()) == 0)) {
    dead = true;
  }
}

void ServerSession::Impl::take_requests(std::vector<Incoming>& out) {
  for (const StreamId stream : std::exchange(arrived, {})) {
    // A client that resets at once must not make the owner work for it.
    if (auto* exchange = find_open(stream)) {
      let_go(*exchange);
      out.push_back({stream, std::move(exchange->request)});
    }
  }
}

void ServerSession::Impl::respond(StreamId stream, Response response, Extent extent) {
  if (dead) return;
  if (auto* exchange = find_open(stream)) {
    settle(*exchange);
    answer(*exchange, std::move(response), extent);
  }
}

void ServerSession::Impl::reset(StreamId stream, ErrorCode code) {
  if (dead) return;
  if (auto* exchange = find_open(stream)) {
    settle(*exchange);
    nghttp2_submit_rst_stream(session.get(), NGHTTP2_FLAG_NONE, stream,
                              static_cast<std::uint32_t>(code));
  }
}

void ServerSession::Impl::go_away(StreamId last, ErrorCode code, std::string_view debug) {
  if (dead) return;
  if (last == std::numeric_limits<StreamId>::max() && code == ErrorCode::no_error) {
    nghttp2_submit_shutdown_notice(session.get());
    return;
  }
  // Clients' streams are odd, and nghttp2 refuses to name another.
  goaway_last = std::min(goaway_last, last > 0 && last % 2 == 0 ? last - 1 : last);
  for (auto& [stream, exchange] : exchanges) {
    if (stream > goaway_last) settle(exchange);
  }
  nghttp2_submit_goaway(session.get(), NGHTTP2_FLAG_NONE, goaway_last,
                        static_cast<std::uint32_t>(code),
                        reinterpret_cast<const std::uint8_t*>(debug.data()), debug.size());
}

void ServerSession::Impl::drain() {
  if (dead || draining || goaway_last != std::numeric_limits<StreamId>::max()) return;
  draining = true;
  nghttp2_submit_shutdown_notice(session.get());
  nghttp2_submit_ping(session.get(), NGHTTP2_FLAG_NONE, drain_ping.data());
}

void ServerSession::Impl::terminate(StreamId last, ErrorCode code, std::string_view debug) {
  if (dead) return;
  go_away(last, code, debug);
  for (auto& [stream, exchange] : exchanges) settle(exchange);
  serialise_all();
  dead = true;
}

// --- What nghttp2 reports ---

// nghttp2 would end the connection here as well, but in words of its own; Google's servers say it
// in these, and clients have learnt to read them.
bool ServerSession::Impl::exceeds_limit(const nghttp2_frame_hd& head) {
  if (head.type != NGHTTP2_HEADERS || head.stream_id <= last_seen) return false;
  last_seen = head.stream_id;
  const auto acknowledged =
      nghttp2_session_get_local_settings(session.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  if (exchanges.size() < acknowledged) return false;
  limit_exceeded = true;
  go_away(last_stream, ErrorCode::protocol_error, "exceeded_max_concurrent_streams");
  return true;
}

void ServerSession::Impl::on_begin_headers(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) return;
  const StreamId stream = frame.hd.stream_id;
  if (stream > goaway_last) return;  // GOAWAY is about to be written.
  last_stream = stream;
  auto& exchange = exchanges[stream];
  exchange.stream = stream;
  exchange.request.scheme.clear();
  exchange.request.path.clear();
  nghttp2_session_set_stream_user_data(session.get(), stream, &exchange);
}

void ServerSession::Impl::on_header(Exchange& exchange, std::string_view name,
                                    std::string_view value) {
  if (exchange.state != Exchange::State::arriving) return;
  exchange.header_bytes += name.size() + value.size() + field_overhead_bytes;
  if (exchange.header_bytes > limits.header_bytes) {
    refuse(exchange, 431, "the request's headers are too large");
    return;
  }
  if (exchange.in_body) {  // Trailers, which nobody reads.
    if (!exchange.rules.on_trailer(name, value)) reset_malformed(exchange);
    return;
  }
  if (!exchange.rules.on_field(name, value)) {
    reset_malformed(exchange);
    return;
  }
  hold(exchange, name.size() + value.size() + field_overhead_bytes);
  auto& request = exchange.request;
  if (!name.starts_with(':')) {
    request.headers.push_back({std::string(name), std::string(value)});
  } else if (name == ":method") {
    request.method = value;
    exchange.head = value == "HEAD";
  } else if (name == ":scheme") {
    request.scheme = scheme_name(value);
  } else if (name == ":authority") {
    request.authority = value;
  } else if (name == ":path") {
    request.path = value;
  }
}

void ServerSession::Impl::on_data(Exchange& exchange, std::string_view bytes) {
  // What comes after a refusal is dropped; nghttp2 keeps the windows open all the same.
  if (exchange.state != Exchange::State::arriving) return;
  if (bytes.size() > limits.body_bytes - exchange.request.body.size()) {
    refuse(exchange, 413, "the request's body is too large");
  } else {
    hold(exchange, bytes.size());
    exchange.request.body += bytes;
  }
}

void ServerSession::Impl::on_ping(const nghttp2_ping& ping) {
  const bool pong = (ping.hd.flags & NGHTTP2_FLAG_ACK) != 0;
  if (!pong || !std::ranges::equal(ping.opaque_data, drain_ping)) return;
  if (std::exchange(draining, false)) go_away(last_stream, ErrorCode::no_error, {});
}

void ServerSession::Impl::on_frame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_PING) on_ping(frame.ping);
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  auto* exchange = find(frame.hd.stream_id);
  if (exchange == nullptr || exchange->state != Exchange::State::arriving) return;
  if (!is_sound(*exchange, frame.hd)) {
    reset_malformed(*exchange);
    return;
  }
  exchange->in_body = true;
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) on_arrived(*exchange);
}

// With this frame. RFC 9113, 8.1: a second section of headers ends the request.
bool ServerSession::Impl::is_sound(const Exchange& exchange, const nghttp2_frame_hd& head) {
  const bool ends = (head.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool first = !exchange.in_body;
  if (first && !exchange.rules.on_headers_end()) return false;
  if (!first && head.type == NGHTTP2_HEADERS && !ends) return false;
  return !ends || exchange.rules.on_end(exchange.request.body.size());
}

void ServerSession::Impl::on_arrived(Exchange& exchange) {
  auto& request = exchange.request;
  if (request.authority.empty()) request.authority = find_header(request.headers, "host");
  exchange.state = Exchange::State::open;
  ++open_count;
  arrived.push_back(exchange.stream);
}

void ServerSession::Impl::on_stream_close(StreamId stream) {
  if (auto* exchange = find(stream)) {
    settle(*exchange);
    let_go(*exchange);
    exchanges.erase(stream);
  }
}

// --- How requests end ---

void ServerSession::Impl::hold(Exchange& exchange, std::size_t bytes) {
  exchange.held_bytes += bytes;
  held_bytes += bytes;
}

void ServerSession::Impl::let_go(Exchange& exchange) {
  held_bytes -= std::exchange(exchange.held_bytes, 0);
}

void ServerSession::Impl::settle(Exchange& exchange) {
  if (exchange.state == Exchange::State::open) --open_count;
  exchange.state = Exchange::State::settled;
}

void ServerSession::Impl::answer(Exchange& exchange, Response response, Extent extent) {
  const fmt::format_int status(response.status);
  const fmt::format_int length(response.body.size());
  fields.assign({make_field(":status", {status.data(), status.size()})});
  const auto add = [this](const Headers& headers) {
    for (const auto& header : headers) fields.push_back(make_field(header.name, header.value));
  };
  if (response.common) add(*response.common);
  add(response.headers);
  // RFC 9110, 8.6: an answer that can have no body has no length.
  const bool bodiless =
      response.status / 100 == 1 || response.status == 204 || response.status == 304;
  if (!bodiless && find_header(response.headers, "content-length").empty()) {
    fields.push_back(make_field("content-length", {length.data(), length.size()}));
  }
  exchange.response.body = std::move(response.body);
  bool send_body = !bodiless && !exchange.head && !exchange.response.body.empty();
  if (extent == Extent::half) {
    exchange.response.stalls = send_body = true;
    exchange.response.body.resize(exchange.response.body.size() / 2);
  }
  hold(exchange, exchange.response.body.size());
  const auto provider = make_provider(exchange.response);
  nghttp2_submit_response(session.get(), exchange.stream, fields.data(), fields.size(),
                          send_body ? &provider : nullptr);
}

void ServerSession::Impl::refuse(Exchange& exchange, int status, std::string_view words) {
  settle(exchange);
  let_go(exchange);
  exchange.request = {};
  answer(exchange, make_refusal(limits, status, words));
}

void ServerSession::Impl::reset_malformed(Exchange& exchange) {
  settle(exchange);
  let_go(exchange);
  exchange.request = {};
  nghttp2_submit_rst_stream(session.get(), NGHTTP2_FLAG_NONE, exchange.stream,
                            NGHTTP2_PROTOCOL_ERROR);
}

// --- The front ---

Response make_refusal(const ServerLimits& limits, int status, std::string_view words) {
  if (limits.refusal != nullptr) return limits.refusal(status, words);
  return {status, {{"content-type", "text/plain"}}, std::string(words) + '\n'};
}

ServerSession::ServerSession(const ServerLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
ServerSession::~ServerSession() = default;

void ServerSession::receive(std::span<const std::uint8_t> bytes) {
  impl_->receive(bytes);
}

void ServerSession::take_output(std::string& out) {
  impl_->serialise_all();
  if (out.empty()) {
    out.swap(impl_->output);
  } else {
    out += impl_->output;
    impl_->output.clear();
  }
}

void ServerSession::take_requests(std::vector<Incoming>& out) {
  impl_->take_requests(out);
}

void ServerSession::respond(StreamId stream, Response response) {
  impl_->respond(stream, std::move(response), Extent::whole);
}

void ServerSession::respond_half(StreamId stream, Response response) {
  impl_->respond(stream, std::move(response), Extent::half);
}

void ServerSession::reset(StreamId stream, ErrorCode code) {
  impl_->reset(stream, code);
}

// Answers that were given are written first: they would be lost to GOAWAY when their stream is
// above its last one, and the client would take for unprocessed what was processed.
void ServerSession::go_away(StreamId last_stream, ErrorCode code, std::string_view debug) {
  impl_->serialise_all();
  impl_->go_away(last_stream, code, debug);
}

void ServerSession::drain() {
  impl_->drain();
}

void ServerSession::terminate(StreamId last_stream, ErrorCode code, std::string_view debug) {
  impl_->serialise_all();
  impl_->terminate(last_stream, code, debug);
}

void ServerSession::set_max_streams(std::uint32_t streams) {
  if (impl_->dead) return;
  const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams};
  nghttp2_submit_settings(impl_->session.get(), NGHTTP2_FLAG_NONE, &entry, 1);
}

StreamId ServerSession::last_stream() const noexcept {
  return impl_->last_stream;
}
bool ServerSession::is_open(StreamId stream) const noexcept {
  return !impl_->dead && impl_->find_open(stream) != nullptr;
}
std::size_t ServerSession::open_streams() const noexcept {
  return impl_->open_count;
}
std::size_t ServerSession::held_bytes() const noexcept {
  return impl_->held_bytes + impl_->output.size();
}
bool ServerSession::dead() const noexcept {
  return impl_->dead;
}

}  // namespace fanfare::http2
