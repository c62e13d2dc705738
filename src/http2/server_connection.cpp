#include "http2/server_connection.h"

#include <algorithm>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

namespace fanfare::http2 {
namespace {

/// How long a peer may take to close after everything was said.
constexpr std::chrono::seconds usual_linger{2};

/// Clients' streams have odd numbers.
StreamId stream_before(StreamId stream) {
  return std::max<StreamId>(0, stream - 2);
}

/// May outlive the connection, and has one effect at most.
class ConnectionReply final : public Reply {
 public:
  ConnectionReply(std::weak_ptr<ServerConnection> connection, StreamId stream)
      : connection_(std::move(connection)), stream_(stream) {}

  void respond(Response response) override {
    if (const auto connection = take()) connection->respond(stream_, std::move(response));
  }
  void reset(ErrorCode code) override {
    if (const auto connection = take()) connection->reset(stream_, code);
  }
  void go_away(ErrorCode code, std::string debug) override {
    if (const auto connection = take()) connection->go_away(stream_, code, debug);
  }
  void cut() override {
    if (const auto connection = take()) connection->cut();
  }
  void fail(Mishap mishap, Response response) override {
    if (const auto connection = take()) connection->fail(stream_, mishap, std::move(response));
  }
  void limit_streams(std::uint32_t streams) override {
    if (const auto connection = connection_.lock()) connection->limit_streams(streams);
  }
  [[nodiscard]] bool alive() const noexcept override {
    const auto connection = connection_.lock();
    return connection != nullptr && connection->alive(stream_);
  }

 private:
  std::shared_ptr<ServerConnection> take() { return std::exchange(connection_, {}).lock(); }

  std::weak_ptr<ServerConnection> connection_;
  StreamId stream_;
};

/// Of "host:port" or "[address]:port" (RFC 9112, 3.2.3).
std::string host_of(std::string_view authority) {
  std::string_view host = authority.substr(0, authority.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::string lower(host);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

constexpr std::string_view needs_tls =
    "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 46\r\n"
    "connection: close\r\n\r\nThis port takes TLS only: begin with https://\n";

Response not_our_host(std::string_view host) {
  return {403,
          {{"content-type", "text/plain"}},
          fmt::format("This proxy does not lead to {}: it stands in for Google's hosts only.\n"
                      "Name the others in NO_PROXY.\n",
                      host)};
}

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

Protocol sniff(std::string_view first_bytes) {
  constexpr std::string_view preface = "PRI * HTTP/2.0";  // RFC 9113, 3.4.
  if (first_bytes.empty()) return Protocol::undecided;
  if (first_bytes.front() == 0x16) return Protocol::tls;  // A handshake record (RFC 8446, 5.1).
  const std::size_t common = std::min(first_bytes.size(), preface.size());
  if (first_bytes.substr(0, common) != preface.substr(0, common)) return Protocol::http1;
  return common == preface.size() ? Protocol::http2 : Protocol::undecided;
}

ServerConnection::ServerConnection(std::shared_ptr<Shared> shared, std::function<void()> on_gone)
    : shared_(std::move(shared)), on_gone_(std::move(on_gone)), linger_(usual_linger) {}

ServerConnection::~ServerConnection() {
  shared_->held_bytes -= noted_bytes_;
}

void ServerConnection::start(boost::asio::ip::tcp::socket socket) {
  accepted_ = last_activity_ = std::chrono::steady_clock::now();
  socket_ = StreamSocket::adopt(std::move(socket), *this);
}

void ServerConnection::on_bytes(std::span<const std::uint8_t> bytes) {
  const auto self = shared_from_this();  // A handler may destroy the server.
  if (deaf_until_) {
    unheard_ += text_of(bytes);
    return;
  }
  last_activity_ = std::chrono::steady_clock::now();
  if (http2_ == nullptr && http1_ == nullptr) {
    choose_protocol(bytes);
  } else {
    feed(bytes);
  }
  look_at_held();
}

void ServerConnection::choose_protocol(std::span<const std::uint8_t> bytes) {
  first_bytes_ += text_of(bytes);
  const bool encrypted = socket_->tls() != nullptr;
  const std::string_view alpn = encrypted ? socket_->tls()->alpn() : std::string_view();
  const Protocol protocol = alpn == "h2"    ? Protocol::http2
                            : !alpn.empty() ? Protocol::http1
                                            : sniff(first_bytes_);
  if (protocol == Protocol::tls && (encrypted || shared_->options.tls == nullptr)) {
    end();  // There is no answer that a TLS client would understand.
    return;
  }
  const bool plaintext = protocol == Protocol::http1 || protocol == Protocol::http2;
  if (plaintext && !encrypted && shared_->options.tls_only) {
    if (protocol == Protocol::http1) said_before_ = needs_tls;
    finish(false);
    return;
  }
  switch (protocol) {
    case Protocol::undecided:
      return;
    case Protocol::tls:
      socket_->start_tls(TlsEngine::make_server(shared_->options.tls),
                         std::exchange(first_bytes_, {}));
      return;
    case Protocol::http2:
      http2_ = std::make_unique<ServerSession>(shared_->options.limits);
      break;
    case Protocol::http1:
      http1_ =
          std::make_unique<Http1Session>(shared_->options.limits, encrypted ? "https" : "http");
      break;
  }
  feed(bytes_of(std::exchange(first_bytes_, {})));
}

void ServerConnection::feed(std::span<const std::uint8_t> bytes) {
  if (http2_ != nullptr) {
    http2_->receive(bytes);
  } else {
    if (!http1_->mid_request()) request_began_ = last_activity_;
    http1_->receive(bytes);
  }
  serve();
}

/// Hands over what has arrived. An answer over HTTP/1.1 may uncover the next request, hence the
/// loop.
void ServerConnection::serve() {
  if (serving_ || socket_ == nullptr || finishing_) return;
  const auto self = shared_from_this();
  serving_ = true;
  for (;;) {
    incoming_.clear();
    if (http2_ != nullptr) http2_->take_requests(incoming_);
    // A client that sends requests and fetches no answers waits for the next one.
    const bool crowded =
        http1_ != nullptr && http1_->output_bytes() >= StreamSocket::output_bound_bytes;
    if (http1_ != nullptr && !crowded) http1_->take_requests(incoming_);
    if (incoming_.empty()) break;
    served_ = true;  // Before connect(), which may take it back.
    for (auto& [stream, request] : incoming_) {
      if (!connect(stream, request)) {
        shared_->handler(std::move(request), std::make_shared<ConnectionReply>(self, stream));
      }
      if (socket_ == nullptr || finishing_) break;
    }
    if (socket_ == nullptr || finishing_) break;
  }
  serving_ = false;
  if (socket_ == nullptr || finishing_) return;
  if (!deaf_until_) socket_->set_reading(http1_ == nullptr || http1_->wants_bytes());
  if (over()) finish(false);
}

std::size_t ServerConnection::held_bytes() const noexcept {
  if (socket_ == nullptr) return 0;
  return (http2_ != nullptr ? http2_->held_bytes() : 0) +
         (http1_ != nullptr ? http1_->held_bytes() : 0) + socket_->output_bytes();
}

void ServerConnection::note_held() noexcept {
  const std::size_t now = held_bytes();
  shared_->held_bytes = shared_->held_bytes - noted_bytes_ + now;
  noted_bytes_ = now;
}

void ServerConnection::look_at_held() {
  note_held();
  if (shared_->held_bytes > shared_->options.max_held_bytes) shared_->on_much_held();
}

/// Answers a CONNECT when this server is a proxy; false when the request is the handler's.
bool ServerConnection::connect(StreamId stream, const Request& request) {
  const auto& tunnels_to = shared_->options.tunnels_to;
  const bool plaintext = http1_ != nullptr && socket_->tls() == nullptr;
  if (!tunnels_to || !plaintext || request.method != "CONNECT") return false;
  const std::string host = host_of(request.path);
  if (tunnels_to(host)) {
    start_over(http1_->open_tunnel(stream));
  } else {
    http1_->respond(stream, not_our_host(host));
  }
  return true;
}

void ServerConnection::start_over(const std::string& first_bytes) {
  http1_->take_output(said_before_);
  http1_.reset();
  served_ = false;
  accepted_ = std::chrono::steady_clock::now();
  choose_protocol(bytes_of(first_bytes));
}

void ServerConnection::take_output(std::string& out) {
  out += std::exchange(said_before_, {});
  if (http2_ != nullptr) http2_->take_output(out);
  if (http1_ != nullptr) http1_->take_output(out);
  if (http1_ != nullptr && http1_->has_request()) serve_soon();
  // What was just serialised may have been the last of a session.
  if (http2_ != nullptr && http2_->dead() && !finishing_) serve_soon();
}

void ServerConnection::finish(bool without_a_word) {
  if (socket_ == nullptr || finishing_) return;
  finishing_ = true;
  last_activity_ = std::chrono::steady_clock::now();
  const auto socket = socket_;  // on_closed may come from within and let go of it.
  socket->finish(without_a_word);
}

void ServerConnection::shut_down() {
  if (socket_ == nullptr || shutting_down_) return;
  shutting_down_ = true;
  if (http2_ != nullptr) http2_->go_away(http2_->last_stream(), ErrorCode::no_error, {});
  if (http1_ != nullptr) http1_->shut_down();
  serve_soon();
}

void ServerConnection::close() {
  if (socket_ != nullptr) std::exchange(socket_, nullptr)->close();
  note_held();
}

void ServerConnection::give_way() {
  const auto self = shared_from_this();  // The flush may tell that the connection is gone.
  if (socket_ != nullptr && http2_ != nullptr && !finishing_) {
    http2_->go_away(http2_->last_stream(), ErrorCode::no_error, {});
    socket_->flush();
  }
  close();
}

void ServerConnection::give_up() {
  const auto self = shared_from_this();
  if (socket_ != nullptr && http2_ != nullptr && !finishing_ && !socket_->has_output()) {
    http2_->terminate(http2_->last_stream(), ErrorCode::enhance_your_calm,
                      "too much is held for this connection");
    socket_->flush();
  }
  close();
}

void ServerConnection::end() {
  close();
  on_gone_();
}

void ServerConnection::on_closed(Error) {
  const auto self = shared_from_this();
  socket_ = nullptr;
  on_gone_();
}

void ServerConnection::check_time(Time now) {
  if (deaf_until_ && now >= *deaf_until_ && !finishing_) resume_reading(now);
  if (socket_ != nullptr && now >= deadline()) end();
}

ServerConnection::Time ServerConnection::deadline() const noexcept {
  // A large answer to a slow reader takes its time.
  const bool writing = finishing_ && socket_ != nullptr && socket_->has_output();
  if (writing) return last_activity_ + shared_->options.idle_timeout;
  if (finishing_) return last_activity_ + linger_;
  if (deaf_until_) return Time::max();
  if (!served_) return accepted_ + shared_->options.first_request_timeout;
  if (http1_ != nullptr && http1_->mid_request()) {
    return request_began_ + shared_->options.first_request_timeout;
  }
  // While a handler thinks, the client is right to be silent.
  const bool our_turn = open_streams() > 0 && !socket_->has_output();
  return our_turn ? Time::max() : last_activity_ + shared_->options.idle_timeout;
}

/// An HTTP/2 session dies by itself after GOAWAY and its last stream.
bool ServerConnection::over() const noexcept {
  if (http2_ != nullptr) return http2_->dead();
  if (http1_ != nullptr) return http1_->dead();
  return shutting_down_;
}

std::size_t ServerConnection::open_streams() const noexcept {
  return http2_ != nullptr   ? http2_->open_streams()
         : http1_ != nullptr ? http1_->open_streams()
                             : 0;
}

void ServerConnection::respond(StreamId stream, Response response) {
  last_activity_ = std::chrono::steady_clock::now();
  if (http2_ != nullptr) {
    http2_->respond(stream, std::move(response));
  } else if (http1_ != nullptr) {
    http1_->respond(stream, response);
  }
  look_at_held();
  serve_soon();
}

void ServerConnection::reset(StreamId stream, ErrorCode code) {
  if (http2_ != nullptr) {
    http2_->reset(stream, code);
    serve_soon();
  } else {
    cut();
  }
}

void ServerConnection::go_away(StreamId stream, ErrorCode code, std::string_view debug) {
  if (http2_ != nullptr) {
    http2_->go_away(stream_before(stream), code, debug);
    serve_soon();
  } else {
    cut();
  }
}

void ServerConnection::cut() {
  finish(true);
}

void ServerConnection::fail(StreamId stream, Mishap mishap, Response response) {
  const StreamId newest = http2_ != nullptr ? http2_->last_stream() : stream;
  switch (mishap) {
    case Mishap::cut:
      return cut();
    case Mishap::cut_mid_body:
      respond_half(stream, std::move(response));
      return cut();
    case Mishap::stall_mid_body:
      return respond_half(stream, std::move(response));
    case Mishap::silence:
      return;
    case Mishap::reset:
      return reset(stream, ErrorCode::internal_error);
    case Mishap::refuse:
      return reset(stream, ErrorCode::refused_stream);
    case Mishap::go_away_before:
      return go_away(stream, ErrorCode::no_error, {});
    case Mishap::go_away_after:
      return go_away_after(stream, std::move(response));
    case Mishap::go_away_notice:
      return go_away_notice(stream, std::move(response));
    case Mishap::go_away_max_streams:
      return terminate(newest, ErrorCode::protocol_error, "exceeded_max_concurrent_streams");
    case Mishap::go_away_pings:
      return terminate(newest, ErrorCode::enhance_your_calm, "too_many_pings");
    case Mishap::go_away_timeout:
      return terminate(stream_before(stream), ErrorCode::no_error, "session_timed_out");
    case Mishap::half_close:
      return half_close();
    case Mishap::stop_reading:
      respond(stream, std::move(response));
      return stop_reading();
  }
}

void ServerConnection::respond_half(StreamId stream, Response response) {
  last_activity_ = std::chrono::steady_clock::now();
  if (http2_ != nullptr) {
    http2_->respond_half(stream, std::move(response));
  } else if (http1_ != nullptr) {
    http1_->respond_half(stream, response);
  }
  serve_soon();
}

void ServerConnection::go_away_after(StreamId stream, Response response) {
  if (http1_ != nullptr) http1_->shut_down();
  respond(stream, std::move(response));
  if (http2_ != nullptr) http2_->go_away(stream, ErrorCode::no_error, {});
}

void ServerConnection::go_away_notice(StreamId stream, Response response) {
  if (http1_ != nullptr) http1_->shut_down();
  if (http2_ != nullptr) http2_->drain();
  respond(stream, std::move(response));
}

void ServerConnection::terminate(StreamId last_stream, ErrorCode code, std::string_view debug) {
  if (http2_ != nullptr) {
    http2_->terminate(last_stream, code, debug);
    serve_soon();
  } else {
    cut();
  }
}

void ServerConnection::half_close() {
  linger_ = shared_->options.idle_timeout;
  finish(false);
}

void ServerConnection::stop_reading() {
  if (socket_ == nullptr || finishing_) return;
  deaf_until_ = std::chrono::steady_clock::now() + shared_->options.reading_pause;
  socket_->set_reading(false);
}

void ServerConnection::resume_reading(Time now) {
  deaf_until_.reset();
  last_activity_ = request_began_ = now;
  socket_->set_reading(true);
  if (const std::string unheard = std::exchange(unheard_, {}); !unheard.empty()) {
    on_bytes(bytes_of(unheard));
  }
  if (socket_ != nullptr) socket_->flush_soon();
}

void ServerConnection::limit_streams(std::uint32_t streams) {
  if (http2_ == nullptr) return;
  http2_->set_max_streams(streams);
  serve_soon();
}

bool ServerConnection::alive(StreamId stream) const noexcept {
  if (socket_ == nullptr || finishing_) return false;
  return (http2_ != nullptr && http2_->is_open(stream)) ||
         (http1_ != nullptr && http1_->is_open(stream));
}

/// Many answers in one turn of the loop are written once. Also not serve() itself, because it calls
/// the handler, in which the caller may well be.
void ServerConnection::serve_soon() {
  if (serving_ || serve_posted_ || socket_ == nullptr || finishing_) return;
  serve_posted_ = true;
  boost::asio::post(socket_->executor(), [self = shared_from_this()] {
    self->serve_posted_ = false;
    self->serve();
    if (const auto socket = self->socket_) socket->flush();
  });
}

}  // namespace fanfare::http2
