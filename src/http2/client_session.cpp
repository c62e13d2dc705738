#include "http2/client_session.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <new>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "http2/nghttp2_handle.h"

namespace fanfare::http2 {
namespace {

using How = Ended::How;

/// One request and what has come of it. It lives until nghttp2, which holds pointers to it, has
/// closed its stream; that may be later than its end.
struct Exchange {
  /// How far the answer has come. Interim (1xx) answers leave it at `none`.
  enum class Answer : std::uint8_t { none, begun, trailers };

  RequestId id = 0;
  std::int32_t stream = 0;
  Outgoing request;
  bool begun = false;  ///< HEADERS are serialised.
  bool ended = false;
  Answer answer = Answer::none;
  std::size_t header_bytes = 0;
  Response response;
};

/// How a request ends when no word of its end can come any more. An answer that has begun, even to
/// half a request, shows that the server acted on it.
How end_of_silence(const Exchange& exchange) noexcept {
  const bool never_whole = !exchange.request.finished && exchange.answer == Exchange::Answer::none;
  return never_whole ? How::unsent : How::unknown;
}

int parse_status(std::string_view text) noexcept {
  int status = 0;
  std::from_chars(text.data(), text.data() + text.size(), status);
  return status;  // nghttp2 lets only three digits through.
}

std::string_view as_text(const std::uint8_t* bytes, std::size_t count) noexcept {
  return {reinterpret_cast<const char*>(bytes), count};
}

}  // namespace

struct ClientSession::Impl {
  explicit Impl(const ClientLimits& session_limits);
  void set_callbacks(nghttp2_session_callbacks* callbacks);

  // What the owner asks for.
  void submit(RequestId id, const Request& request);
  void cancel(RequestId id, std::string reason);
  void receive(std::span<const std::uint8_t> bytes);
  void shut_down();
  void take_output(std::string& out);
  [[nodiscard]] std::size_t limit() const noexcept;
  [[nodiscard]] bool draining() const noexcept;

  // What nghttp2 reports.
  void on_begin_headers(std::int32_t stream);
  void on_header(std::int32_t stream, std::string_view name, std::string_view value);
  void on_data(std::int32_t stream, std::string_view bytes);
  void on_frame(const nghttp2_frame& frame);
  void on_headers_complete(Exchange& exchange);
  void on_reset(Exchange& exchange, std::uint32_t error_code);
  void on_goaway(const nghttp2_goaway& goaway);
  void on_stream_close(std::int32_t stream, std::uint32_t error_code);
  void on_headers_serialised(const nghttp2_frame& frame);

  // How requests end.
  void finish(Exchange& exchange, How how, std::string reason = {});
  void give_up(Exchange& exchange, How how, std::string reason);
  void complete(Exchange& exchange);
  void die(const std::string& reason);
  void serialise_until(std::size_t high_water_bytes);
  [[nodiscard]] std::vector<Exchange*> open_exchanges();

  /// The exchange of a stream, while it has not ended.
  [[nodiscard]] Exchange* find(std::int32_t stream) const noexcept {
    auto* exchange =
        static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session.get(), stream));
    return exchange != nullptr && !exchange->ended ? exchange : nullptr;
  }

  ClientLimits limits;
  SessionHandle session;
  std::unordered_map<RequestId, Exchange> exchanges;  ///< Its nodes stay where they are.
  std::size_t open_count = 0;                         ///< Exchanges that have not ended.
  std::uint32_t submitted_count = 0;
  std::vector<nghttp2_nv> fields;  ///< Of the request being submitted; kept for its memory.
  std::vector<Ended> ended;
  std::string output;
  std::string goaway_words;  ///< The latest GOAWAY received; empty before.
  std::string fault;         ///< What nghttp2 last found wrong with the peer's frames.
  std::size_t open_pings = 0;
  std::size_t pongs = 0;
  bool settled = false;
  bool shutting_down = false;
  bool dead = false;
};

ClientSession::Impl::Impl(const ClientLimits& session_limits) : limits(session_limits) {
  const auto callbacks = make_callbacks();
  set_callbacks(callbacks.get());
  const auto options = make_options();
  // Until SETTINGS arrive nghttp2 would assume 100.
  nghttp2_option_set_peer_max_concurrent_streams(options.get(), limits.streams);
  nghttp2_session* raw = nullptr;
  if (nghttp2_session_client_new2(&raw, callbacks.get(), this, options.get()) != 0) {
    throw std::bad_alloc();
  }
  session.reset(raw);

  const auto header_bytes = static_cast<std::uint32_t>(
      std::min<std::size_t>(limits.header_bytes, std::numeric_limits<std::uint32_t>::max()));
  const std::array<nghttp2_settings_entry, 3> settings{{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, header_bytes},
  }};
  nghttp2_submit_settings(raw, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(raw, NGHTTP2_FLAG_NONE, 0, connection_window_bytes);
}

void ClientSession::Impl::set_callbacks(nghttp2_session_callbacks* callbacks) {
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        static_cast<Impl*>(self)->on_begin_headers(frame->hd.stream_id);
        return 0;
      });
  nghttp2_session_callbacks_set_on_header_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* self) {
        static_cast<Impl*>(self)->on_header(frame->hd.stream_id, as_text(name, name_size),
                                            as_text(value, value_size));
        return 0;
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data,
                    std::size_t count, void* self) {
        static_cast<Impl*>(self)->on_data(stream, as_text(data, count));
        return 0;
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        static_cast<Impl*>(self)->on_frame(*frame);
        return 0;
      });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      callbacks, [](nghttp2_session*, std::int32_t stream, std::uint32_t error_code, void* self) {
        static_cast<Impl*>(self)->on_stream_close(stream, error_code);
        return 0;
      });
  nghttp2_session_callbacks_set_before_frame_send_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        static_cast<Impl*>(self)->on_headers_serialised(*frame);
        return 0;
      });
  nghttp2_session_callbacks_set_error_callback2(
      callbacks, [](nghttp2_session*, int, const char* words, std::size_t count, void* self) {
        static_cast<Impl*>(self)->fault.assign(words, count);
        return 0;
      });
}

// --- What the owner asks for ---

std::size_t ClientSession::Impl::limit() const noexcept {
  return std::min(limits.streams, nghttp2_session_get_remote_settings(
                                      session.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
}

bool ClientSession::Impl::draining() const noexcept {
  return dead || shutting_down || !goaway_words.empty() || submitted_count >= limits.requests;
}

void ClientSession::Impl::submit(RequestId id, const Request& request) {
  if (draining()) {
    ended.push_back({id, How::unsent, {}, "the connection takes no more requests"});
    return;
  }
  fields.assign({make_field(":method", request.method), make_field(":scheme", request.scheme),
                 make_field(":authority", request.authority), make_field(":path", request.path)});
  for (const auto& header : request.headers)
    fields.push_back(make_field(header.name, header.value));
  const fmt::format_int length(request.body.size());
  const bool has_body = !request.body.empty();
  if ((has_body || request.method == "POST") &&
      find_header(request.headers, "content-length").empty()) {
    fields.push_back(make_field("content-length", {length.data(), length.size()}));
  }

  auto& exchange = exchanges[id];
  exchange.id = id;
  exchange.request.body = request.body;
  const auto provider = make_provider(exchange.request);
  const std::int32_t stream =
      nghttp2_submit_request(session.get(), nullptr, fields.data(), fields.size(),
                             has_body ? &provider : nullptr, &exchange);
  ++submitted_count;
  ++open_count;
  exchange.stream = stream;
  if (stream < 0) {
    finish(exchange, How::unsent, nghttp2_strerror(stream));
    exchanges.erase(id);
  }
}

void ClientSession::Impl::cancel(RequestId id, std::string reason) {
  const auto found = exchanges.find(id);
  if (dead || found == exchanges.end() || found->second.ended) return;
  auto& exchange = found->second;
  give_up(exchange, end_of_silence(exchange), std::move(reason));
}

void ClientSession::Impl::receive(std::span<const std::uint8_t> bytes) {
  if (dead) return;
  const ssize_t taken = nghttp2_session_mem_recv(session.get(), bytes.data(), bytes.size());
  if (taken < 0) {
    // A flood, or no memory: nghttp2 leaves it to us to say goodbye.
    nghttp2_session_terminate_session(session.get(), taken == NGHTTP2_ERR_FLOODED
                                                         ? NGHTTP2_ENHANCE_YOUR_CALM
                                                         : NGHTTP2_INTERNAL_ERROR);
    serialise_until(std::numeric_limits<std::size_t>::max());
    die(nghttp2_strerror(static_cast<int>(taken)));
    return;
  }
  // What follows from the bytes must not wait for take_output: resets that we decided on close
  // their streams, and a protocol error kills the session, when nghttp2 serialises them.
  serialise_until(idle_output_bytes);
}

void ClientSession::Impl::shut_down() {
  if (dead || shutting_down) return;
  // A peer may close as soon as it reads GOAWAY with no stream open, so requests go first.
  serialise_until(std::numeric_limits<std::size_t>::max());
  shutting_down = true;
  for (auto* exchange : open_exchanges()) {
    if (!exchange->begun) give_up(*exchange, How::unsent, "the connection is shutting down");
  }
  nghttp2_submit_goaway(session.get(), NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
}

void ClientSession::Impl::take_output(std::string& out) {
  if (!dead) serialise_until(std::numeric_limits<std::size_t>::max());
  if (out.empty()) {
    out.swap(output);
  } else {
    out += output;
    output.clear();
  }
}

void ClientSession::Impl::serialise_until(std::size_t high_water_bytes) {
  if (!serialise(session.get(), output, high_water_bytes)) {
    die("the session broke while writing");
  } else if (nghttp2_session_want_read(session.get()) == 0 &&
             nghttp2_session_want_write(session.get()) == 0) {
    die(fault.empty() ? "the connection has closed" : "protocol error: " + fault);
  }
}

// --- What nghttp2 reports ---

void ClientSession::Impl::on_begin_headers(std::int32_t stream) {
  auto* exchange = find(stream);
  if (exchange != nullptr && exchange->answer == Exchange::Answer::begun) {
    exchange->answer = Exchange::Answer::trailers;
  }
}

void ClientSession::Impl::on_header(std::int32_t stream, std::string_view name,
                                    std::string_view value) {
  auto* exchange = find(stream);
  if (exchange == nullptr) return;
  // Counted over interim answers and trailers too, so that neither goes on for ever.
  exchange->header_bytes += name.size() + value.size();
  if (exchange->header_bytes > limits.header_bytes) {
    give_up(*exchange, How::unknown,
            fmt::format("the answer's headers exceed {} bytes", limits.header_bytes));
  } else if (exchange->answer == Exchange::Answer::none) {
    if (name == ":status") {
      exchange->response.status = parse_status(value);
    } else {
      exchange->response.headers.push_back({std::string(name), std::string(value)});
    }
  }
}

void ClientSession::Impl::on_data(std::int32_t stream, std::string_view bytes) {
  auto* exchange = find(stream);
  if (exchange == nullptr) return;
  auto& body = exchange->response.body;
  if (bytes.size() > limits.body_bytes - body.size()) {
    give_up(*exchange, How::unknown,
            fmt::format("the answer's body exceeds {} bytes", limits.body_bytes));
  } else {
    body += bytes;
  }
}

void ClientSession::Impl::on_frame(const nghttp2_frame& frame) {
  const bool acknowledges = (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
      if (auto* exchange = find(frame.hd.stream_id)) {
        if (frame.hd.type == NGHTTP2_HEADERS) on_headers_complete(*exchange);
        if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) complete(*exchange);
      }
      break;
    case NGHTTP2_RST_STREAM:
      if (auto* exchange = find(frame.hd.stream_id))
        on_reset(*exchange, frame.rst_stream.error_code);
      break;
    case NGHTTP2_SETTINGS:
      if (!acknowledges) settled = true;
      break;
    case NGHTTP2_PING:
      if (acknowledges && open_pings > 0) {
        --open_pings;
        ++pongs;
      }
      break;
    case NGHTTP2_GOAWAY:
      on_goaway(frame.goaway);
      break;
    default:
      break;  // Not a code of ours to decide on: nghttp2 handles the other types.
  }
}

void ClientSession::Impl::on_headers_complete(Exchange& exchange) {
  if (exchange.answer != Exchange::Answer::none) return;
  if (exchange.response.status / 100 == 1) {
    exchange.response.headers.clear();
  } else {
    exchange.answer = Exchange::Answer::begun;
  }
}

void ClientSession::Impl::on_reset(Exchange& exchange, std::uint32_t error_code) {
  // A server that has begun to answer has processed the request, whatever it says.
  const bool refused =
      error_code == NGHTTP2_REFUSED_STREAM && exchange.answer == Exchange::Answer::none;
  finish(exchange, refused ? How::unsent : How::unknown, "RST_STREAM " + describe(error_code));
}

void ClientSession::Impl::on_goaway(const nghttp2_goaway& goaway) {
  goaway_words =
      "GOAWAY " + describe(goaway.error_code, as_text(goaway.opaque_data, goaway.opaque_data_len));
  for (auto* exchange : open_exchanges()) {
    const bool above = exchange->stream > goaway.last_stream_id;
    if (above && exchange->answer != Exchange::Answer::none) {
      finish(*exchange, How::unknown, goaway_words + " in the middle of the answer");
    } else if (above || !exchange->begun) {
      // nghttp2 closes the former and will not start the latter.
      finish(*exchange, How::unsent, goaway_words);
    }
  }
}

void ClientSession::Impl::on_stream_close(std::int32_t stream, std::uint32_t error_code) {
  auto* exchange =
      static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session.get(), stream));
  if (exchange == nullptr) return;
  if (!exchange->ended) {
    // Peers' resets and GOAWAY have ended theirs before. What is left nghttp2 closed by itself: a
    // request that it could not write, or an answer that breaks the rules.
    if (!exchange->begun) {
      finish(*exchange, How::unsent, "the request could not be written: " + fault);
    } else {
      finish(*exchange, How::unknown, "malformed answer: " + describe(error_code, fault));
    }
  }
  exchanges.erase(exchange->id);
}

void ClientSession::Impl::on_headers_serialised(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS) return;
  if (auto* exchange = find(frame.hd.stream_id)) {
    exchange->begun = true;
    if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) exchange->request.finished = true;
  }
}

// --- How requests end ---

void ClientSession::Impl::finish(Exchange& exchange, How how, std::string reason) {
  exchange.ended = true;
  --open_count;
  ended.push_back({exchange.id, how, {}, std::move(reason)});
  if (how == How::answered) ended.back().response = std::move(exchange.response);
}

void ClientSession::Impl::give_up(Exchange& exchange, How how, std::string reason) {
  finish(exchange, how, std::move(reason));
  nghttp2_submit_rst_stream(session.get(), NGHTTP2_FLAG_NONE, exchange.stream, NGHTTP2_CANCEL);
}

void ClientSession::Impl::complete(Exchange& exchange) {
  // An answer may come before the whole request was read (RFC 9113, 8.1): it counts, and the rest
  // of the request is withdrawn.
  if (!exchange.request.finished) {
    nghttp2_submit_rst_stream(session.get(), NGHTTP2_FLAG_NONE, exchange.stream, NGHTTP2_CANCEL);
  }
  finish(exchange, How::answered);
}

void ClientSession::Impl::die(const std::string& reason) {
  if (dead) return;
  dead = true;
  const std::string words = goaway_words.empty() ? reason : goaway_words + "; " + reason;
  for (auto* exchange : open_exchanges()) {
    finish(*exchange, end_of_silence(*exchange), words);
  }
}

std::vector<Exchange*> ClientSession::Impl::open_exchanges() {
  std::vector<Exchange*> open;
  open.reserve(open_count);
  for (auto& [id, exchange] : exchanges) {
    if (!exchange.ended) open.push_back(&exchange);
  }
  std::ranges::sort(open, {}, &Exchange::stream);
  return open;
}

// --- The front ---

ClientSession::ClientSession(const ClientLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
ClientSession::~ClientSession() = default;

std::size_t ClientSession::free_streams() const noexcept {
  const std::size_t limit = impl_->limit();
  return impl_->draining() || limit <= impl_->open_count ? 0 : limit - impl_->open_count;
}

std::size_t ClientSession::open_streams() const noexcept {
  return impl_->open_count;
}

void ClientSession::submit(RequestId id, const Request& request) {
  impl_->submit(id, request);
}

void ClientSession::cancel(RequestId id, std::string reason) {
  impl_->cancel(id, std::move(reason));
}

void ClientSession::ping() {
  if (impl_->dead) return;
  nghttp2_submit_ping(impl_->session.get(), NGHTTP2_FLAG_NONE, nullptr);
  ++impl_->open_pings;
}

void ClientSession::receive(std::span<const std::uint8_t> bytes) {
  impl_->receive(bytes);
}

void ClientSession::connection_lost(const std::string& reason) {
  impl_->die("connection lost: " + reason);
  impl_->output.clear();
}

void ClientSession::shut_down() {
  impl_->shut_down();
}

void ClientSession::take_output(std::string& out) {
  impl_->take_output(out);
}

void ClientSession::take_ended(std::vector<Ended>& out) {
  if (out.empty()) {
    out.swap(impl_->ended);
  } else {
    std::ranges::move(impl_->ended, std::back_inserter(out));
    impl_->ended.clear();
  }
}

std::size_t ClientSession::take_pongs() noexcept {
  return std::exchange(impl_->pongs, 0);
}
bool ClientSession::draining() const noexcept {
  return impl_->draining();
}
bool ClientSession::dead() const noexcept {
  return impl_->dead;
}
bool ClientSession::settled() const noexcept {
  return impl_->settled;
}

}  // namespace fanfare::http2
