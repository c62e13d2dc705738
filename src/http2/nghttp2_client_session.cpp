#include "http2/nghttp2_client_session.h"

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

struct Nghttp2ClientSession final : ClientSession {
  explicit Nghttp2ClientSession(const ClientLimits& session_limits);
  void set_callbacks(nghttp2_session_callbacks* callbacks);

  // What the owner asks for.
  [[nodiscard]] std::size_t free_streams() const noexcept override;
  [[nodiscard]] std::size_t open_streams() const noexcept override { return open_count; }
  void submit(RequestId id, const SharedHead& head, const BodyPieces& body) override;
  void cancel(RequestId id, std::string reason) override;
  void release_unsent(const std::string& reason) override;
  void ping() override;
  void receive(std::span<const std::uint8_t> bytes) override;
  void connection_lost(const std::string& reason) override;
  void shut_down() override;
  void take_output(std::string& out) override;
  void take_ended(EndedList& out) override { ended.move_to(out); }
  [[nodiscard]] std::size_t take_pongs() noexcept override { return std::exchange(pongs, 0); }
  [[nodiscard]] bool draining() const noexcept override;
  [[nodiscard]] bool dead() const noexcept override { return is_dead; }
  [[nodiscard]] bool settled() const noexcept override { return is_settled; }
  [[nodiscard]] std::size_t limit() const noexcept;

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
  EndedList ended;
  std::string output;
  std::string goaway_words;  ///< The latest GOAWAY received; empty before.
  std::string fault;         ///< What nghttp2 last found wrong with the peer's frames.
  std::size_t open_pings = 0;
  std::size_t pongs = 0;
  bool is_settled = false;
  bool shutting_down = false;
  bool is_dead = false;
};

Nghttp2ClientSession::Nghttp2ClientSession(const ClientLimits& session_limits)
    : limits(session_limits) {
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

void Nghttp2ClientSession::set_callbacks(nghttp2_session_callbacks* callbacks) {
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        static_cast<Nghttp2ClientSession*>(self)->on_begin_headers(frame->hd.stream_id);
        return 0;
      });
  nghttp2_session_callbacks_set_on_header_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* self) {
        static_cast<Nghttp2ClientSession*>(self)->on_header(
            frame->hd.stream_id, as_text(name, name_size), as_text(value, value_size));
        return 0;
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data,
                    std::size_t count, void* self) {
        static_cast<Nghttp2ClientSession*>(self)->on_data(stream, as_text(data, count));
        return 0;
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        static_cast<Nghttp2ClientSession*>(self)->on_frame(*frame);
        return 0;
      });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      callbacks, [](nghttp2_session*, std::int32_t stream, std::uint32_t error_code, void* self) {
        static_cast<Nghttp2ClientSession*>(self)->on_stream_close(stream, error_code);
        return 0;
      });
  nghttp2_session_callbacks_set_before_frame_send_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        static_cast<Nghttp2ClientSession*>(self)->on_headers_serialised(*frame);
        return 0;
      });
  nghttp2_session_callbacks_set_error_callback2(
      callbacks, [](nghttp2_session*, int, const char* words, std::size_t count, void* self) {
        static_cast<Nghttp2ClientSession*>(self)->fault.assign(words, count);
        return 0;
      });
}

// --- What the owner asks for ---

std::size_t Nghttp2ClientSession::free_streams() const noexcept {
  return draining() || limit() <= open_count ? 0 : limit() - open_count;
}

std::size_t Nghttp2ClientSession::limit() const noexcept {
  return std::min(limits.streams, nghttp2_session_get_remote_settings(
                                      session.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
}

bool Nghttp2ClientSession::draining() const noexcept {
  return is_dead || shutting_down || !goaway_words.empty() || submitted_count >= limits.requests;
}

void Nghttp2ClientSession::submit(RequestId id, const SharedHead& head, const BodyPieces& body) {
  if (draining()) {
    ended.add(id, How::unsent).reason = "the connection takes no more requests";
    return;
  }
  fields.assign({make_field(":method", head->method), make_field(":scheme", head->scheme),
                 make_field(":authority", head->authority), make_field(":path", head->path)});
  for (const auto& header : head->headers) fields.push_back(make_field(header.name, header.value));
  const fmt::format_int length(body.size());
  if (says_length(*head, body.size())) {
    fields.push_back(make_field("content-length", {length.data(), length.size()}));
  }

  auto& exchange = exchanges[id];
  exchange.id = id;
  for (const auto& piece : body.pieces) exchange.request.body += piece;
  const auto provider = make_provider(exchange.request);
  const std::int32_t stream =
      nghttp2_submit_request(session.get(), nullptr, fields.data(), fields.size(),
                             exchange.request.body.empty() ? nullptr : &provider, &exchange);
  ++submitted_count;
  ++open_count;
  exchange.stream = stream;
  if (stream < 0) {
    finish(exchange, How::unsent, nghttp2_strerror(stream));
    exchanges.erase(id);
  }
}

void Nghttp2ClientSession::cancel(RequestId id, std::string reason) {
  const auto found = exchanges.find(id);
  if (is_dead || found == exchanges.end() || found->second.ended) return;
  auto& exchange = found->second;
  give_up(exchange, end_of_silence(exchange), std::move(reason));
}

void Nghttp2ClientSession::release_unsent(const std::string& reason) {
  if (is_dead) return;
  for (Exchange* exchange : open_exchanges()) {
    if (end_of_silence(*exchange) == How::unsent) give_up(*exchange, How::unsent, reason);
  }
}

void Nghttp2ClientSession::receive(std::span<const std::uint8_t> bytes) {
  if (is_dead) return;
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

void Nghttp2ClientSession::ping() {
  if (is_dead) return;
  nghttp2_submit_ping(session.get(), NGHTTP2_FLAG_NONE, nullptr);
  ++open_pings;
}

void Nghttp2ClientSession::connection_lost(const std::string& reason) {
  die("connection lost: " + reason);
  output.clear();
}

void Nghttp2ClientSession::shut_down() {
  if (is_dead || shutting_down) return;
  // A peer may close as soon as it reads GOAWAY with no stream open, so requests go first.
  serialise_until(std::numeric_limits<std::size_t>::max());
  shutting_down = true;
  for (auto* exchange : open_exchanges()) {
    if (!exchange->begun) give_up(*exchange, How::unsent, "the connection is shutting down");
  }
  nghttp2_submit_goaway(session.get(), NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
}

void Nghttp2ClientSession::take_output(std::string& out) {
  if (!is_dead) serialise_until(std::numeric_limits<std::size_t>::max());
  if (out.empty()) {
    out.swap(output);
  } else {
    out += output;
    output.clear();
  }
}

void Nghttp2ClientSession::serialise_until(std::size_t high_water_bytes) {
  if (!serialise(session.get(), output, high_water_bytes)) {
    die("the session broke while writing");
  } else if (nghttp2_session_want_read(session.get()) == 0 &&
             nghttp2_session_want_write(session.get()) == 0) {
    die(fault.empty() ? "the connection has closed" : "protocol error: " + fault);
  }
}

// --- What nghttp2 reports ---

void Nghttp2ClientSession::on_begin_headers(std::int32_t stream) {
  auto* exchange = find(stream);
  if (exchange != nullptr && exchange->answer == Exchange::Answer::begun) {
    exchange->answer = Exchange::Answer::trailers;
  }
}

void Nghttp2ClientSession::on_header(std::int32_t stream, std::string_view name,
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

void Nghttp2ClientSession::on_data(std::int32_t stream, std::string_view bytes) {
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

void Nghttp2ClientSession::on_frame(const nghttp2_frame& frame) {
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
      if (!acknowledges) is_settled = true;
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

void Nghttp2ClientSession::on_headers_complete(Exchange& exchange) {
  if (exchange.answer != Exchange::Answer::none) return;
  if (exchange.response.status / 100 == 1) {
    exchange.response.headers.clear();
  } else {
    exchange.answer = Exchange::Answer::begun;
  }
}

void Nghttp2ClientSession::on_reset(Exchange& exchange, std::uint32_t error_code) {
  // A server that has begun to answer has processed the request, whatever it says.
  const bool refused =
      error_code == NGHTTP2_REFUSED_STREAM && exchange.answer == Exchange::Answer::none;
  finish(exchange, refused ? How::unsent : How::unknown, "RST_STREAM " + describe(error_code));
}

void Nghttp2ClientSession::on_goaway(const nghttp2_goaway& goaway) {
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

void Nghttp2ClientSession::on_stream_close(std::int32_t stream, std::uint32_t error_code) {
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

void Nghttp2ClientSession::on_headers_serialised(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS) return;
  if (auto* exchange = find(frame.hd.stream_id)) {
    exchange->begun = true;
    if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) exchange->request.finished = true;
  }
}

// --- How requests end ---

void Nghttp2ClientSession::finish(Exchange& exchange, How how, std::string reason) {
  exchange.ended = true;
  --open_count;
  auto& end = ended.add(exchange.id, how);
  end.reason = std::move(reason);
  if (how == How::answered) end.response = std::move(exchange.response);
}

void Nghttp2ClientSession::give_up(Exchange& exchange, How how, std::string reason) {
  finish(exchange, how, std::move(reason));
  nghttp2_submit_rst_stream(session.get(), NGHTTP2_FLAG_NONE, exchange.stream, NGHTTP2_CANCEL);
}

void Nghttp2ClientSession::complete(Exchange& exchange) {
  // An answer may come before the whole request was read (RFC 9113, 8.1): it counts, and the rest
  // of the request is withdrawn.
  if (!exchange.request.finished) {
    nghttp2_submit_rst_stream(session.get(), NGHTTP2_FLAG_NONE, exchange.stream, NGHTTP2_CANCEL);
  }
  finish(exchange, How::answered);
}

void Nghttp2ClientSession::die(const std::string& reason) {
  if (is_dead) return;
  is_dead = true;
  const std::string words = goaway_words.empty() ? reason : goaway_words + "; " + reason;
  for (auto* exchange : open_exchanges()) {
    finish(*exchange, end_of_silence(*exchange), words);
  }
}

std::vector<Exchange*> Nghttp2ClientSession::open_exchanges() {
  std::vector<Exchange*> open;
  open.reserve(open_count);
  for (auto& [id, exchange] : exchanges) {
    if (!exchange.ended) open.push_back(&exchange);
  }
  std::ranges::sort(open, {}, &Exchange::stream);
  return open;
}

}  // namespace

std::unique_ptr<ClientSession> make_nghttp2_client_session(const ClientLimits& limits) {
  return std::make_unique<Nghttp2ClientSession>(limits);
}

}  // namespace fanfare::http2
