#include "http2/http1_session.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

namespace fanfare::http2 {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;

constexpr std::size_t unread_bound_bytes = 64U << 10;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view view_of(beast::string_view text) {
  return {text.data(), text.size()};
}

/// Fields that concern the connection and not the request (RFC 9110, 7.6.1), and Host, which
/// becomes the authority.
bool is_hop_by_hop(std::string_view name) {
  constexpr std::array<std::string_view, 8> names{
      "connection",       "host", "http2-settings", "keep-alive",
      "proxy-connection", "te",   "upgrade",        "transfer-encoding"};
  return std::ranges::find(names, name) != names.end();
}

/// "http://host/path" (RFC 9112, 3.2.2) to its path; sets the authority.
void read_target(std::string_view target, Request& request) {
  const std::size_t scheme_end = target.find("://");
  if (target.starts_with('/') || scheme_end == std::string_view::npos) {
    request.path = target;
    return;
  }
  const std::string_view rest = target.substr(scheme_end + 3);
  const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
  request.authority = rest.substr(0, path);
  request.path = rest.substr(path);
  if (!request.path.starts_with('/')) request.path.insert(0, "/");
}

Request to_request(http::request<http::string_body>&& message, std::string_view scheme) {
  Request request;
  request.method = view_of(message.method_string());
  request.scheme = scheme;
  request.authority = view_of(message[http::field::host]);
  read_target(view_of(message.target()), request);
  for (const auto& field : message) {
    std::string name = lower(view_of(field.name_string()));
    if (!is_hop_by_hop(name)) {
      request.headers.push_back({std::move(name), std::string(view_of(field.value()))});
    }
  }
  request.body = std::move(message.body());
  return request;
}

/// Whether a field in the header that `unread` begins with goes on in the next line (RFC
/// 9112, 5.2). Beast would join the two, and a proxy on the way may have read them as two.
bool is_folded(std::string_view unread) {
  const auto header = unread.substr(0, unread.find("\r\n\r\n"));
  return header.find("\r\n ") != std::string_view::npos ||
         header.find("\r\n\t") != std::string_view::npos;
}

/// The status for a request that Beast would not read.
int status_of(const beast::error_code& error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  return 400;
}

bool has_no_body(int status) {
  return status / 100 == 1 || status == 204 || status == 304;  // RFC 9110, 6.4.1.
}

}  // namespace

struct Http1Session::Impl {
  Impl(const ServerLimits& session_limits, std::string_view request_scheme)
      : limits(session_limits), scheme(request_scheme) {
    start_parser();
  }

  void start_parser();
  void parse();
  void on_header();
  [[nodiscard]] bool connects() const;
  void on_request();
  void refuse(int status, std::string_view words);
  void write(const Response& response);
  void write_head(const Response& response);

  ServerLimits limits;
  std::string scheme;
  std::optional<Parser> parser;
  bool header_seen = false;
  std::string unread;
  std::optional<Request> arrived;  ///< Not yet taken.
  StreamId last = 0;
  bool open = false;     ///< `last` is not yet answered.
  bool stalled = false;  ///< Half of an answer is written, and no more will be.
  bool head = false;
  bool keep_alive = true;
  bool version_1_0 = false;
  bool shutting_down = false;
  bool dead = false;
  std::string output;
};

void Http1Session::Impl::start_parser() {
  parser.emplace();
  const auto most = std::numeric_limits<std::uint32_t>::max();
  parser->header_limit(
      static_cast<std::uint32_t>(std::min<std::size_t>(limits.header_bytes, most)));
  parser->body_limit(limits.body_bytes);
  header_seen = false;
}

void Http1Session::Impl::parse() {
  while (!open && !stalled && !dead && !unread.empty()) {
    // RFC 9112, 2.2: empty lines before a request are forgiven.
    if (!parser->got_some()) unread.erase(0, unread.find_first_not_of("\r\n"));
    if (unread.empty()) return;
    if (!parser->is_header_done() && is_folded(unread)) {
      refuse(400, "a header field goes on in the next line");
      return;
    }
    beast::error_code error;
    const std::size_t taken = parser->put(boost::asio::buffer(unread), error);
    unread.erase(0, taken);
    if (parser->is_header_done() && !header_seen && (!error || error == http::error::need_more)) {
      on_header();
      if (dead) return;
    }
    if (error && error != http::error::need_more) {
      refuse(status_of(error), error.message());
      return;
    }
    if (parser->is_done() || connects()) {
      on_request();
    } else if (error || taken == 0) {
      // Beast bounds the header itself, but neither a chunk's extensions nor the trailers.
      if (unread.size() > limits.header_bytes) refuse(431, "a chunk or its trailers are too large");
      return;
    }
  }
}

// Only then is the body parsed, and all of it that is there: a CONNECT has none.
void Http1Session::Impl::on_header() {
  header_seen = true;
  parser->eager(true);
  const auto& message = parser->get();
  version_1_0 = message.version() < 11;
  if (!version_1_0 && message.count(http::field::host) != 1) {
    refuse(400, "an HTTP/1.1 request needs one Host");  // RFC 9112, 3.2.
    return;
  }
  // A coding that we can't undo would leave us guessing where the body ends (RFC 9112, 6.1).
  const auto coding = message[http::field::transfer_encoding];
  if (!coding.empty() && !beast::iequals(coding, "chunked")) {
    refuse(501, "only the transfer coding \"chunked\" is known");
    return;
  }
  const bool waits = beast::iequals(message[http::field::expect], "100-continue");
  if (waits && !version_1_0 && !parser->is_done() && !connects())
    output += "HTTP/1.1 100 Continue\r\n\r\n";
}

bool Http1Session::Impl::connects() const {
  return header_seen && parser->get().method() == http::verb::connect;
}

void Http1Session::Impl::on_request() {
  keep_alive = parser->get().keep_alive() && !connects() && !shutting_down;
  arrived = to_request(parser->release(), scheme);
  head = arrived->method == "HEAD";
  // The id of a stream grows by two, as in HTTP/2; it only has to be another.
  last = last > std::numeric_limits<StreamId>::max() - 2 ? 1 : last + 2;
  open = true;
  start_parser();
}

void Http1Session::Impl::refuse(int status, std::string_view words) {
  keep_alive = false;
  head = false;
  write(make_refusal(limits, status, words));
  unread.clear();
  dead = true;
}

void Http1Session::Impl::write(const Response& response) {
  write_head(response);
  if (!head && !has_no_body(response.status)) output += response.body;
}

void Http1Session::Impl::write_head(const Response& response) {
  const auto reason = view_of(http::obsolete_reason(static_cast<http::status>(response.status)));
  fmt::format_to(std::back_inserter(output), "HTTP/1.1 {} {}\r\n", response.status, reason);
  const auto add = [this](const Headers& headers) {
    for (const auto& header : headers) {
      if (header.name == "connection" || header.name == "content-length") continue;
      fmt::format_to(std::back_inserter(output), "{}: {}\r\n", header.name, header.value);
    }
  };
  if (response.common) add(*response.common);
  add(response.headers);
  if (!has_no_body(response.status)) {
    fmt::format_to(std::back_inserter(output), "content-length: {}\r\n", response.body.size());
  }
  if (!keep_alive) {
    output += "connection: close\r\n";
  } else if (version_1_0) {
    output += "connection: keep-alive\r\n";
  }
  output += "\r\n";
}

Http1Session::Http1Session(const ServerLimits& limits, std::string_view scheme)
    : impl_(std::make_unique<Impl>(limits, scheme)) {}
Http1Session::~Http1Session() = default;

void Http1Session::receive(std::span<const std::uint8_t> bytes) {
  if (impl_->dead) return;
  impl_->unread.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  impl_->parse();
}

void Http1Session::take_requests(std::vector<Incoming>& out) {
  if (!impl_->arrived) return;
  out.push_back({impl_->last, std::move(*impl_->arrived)});
  impl_->arrived.reset();
}

void Http1Session::respond(StreamId stream, const Response& response) {
  if (!is_open(stream)) return;
  impl_->keep_alive = impl_->keep_alive && !impl_->shutting_down;
  impl_->write(response);
  impl_->open = false;
  if (impl_->keep_alive) {
    impl_->parse();
  } else {
    impl_->dead = true;
  }
}

void Http1Session::respond_half(StreamId stream, const Response& response) {
  if (!is_open(stream)) return;
  impl_->write_head(response);
  impl_->output.append(response.body, 0, response.body.size() / 2);
  impl_->open = false;
  impl_->stalled = true;
}

std::string Http1Session::open_tunnel(StreamId stream) {
  if (!is_open(stream)) return {};
  impl_->output += "HTTP/1.1 200 Connection established\r\n\r\n";
  impl_->dead = true;
  return std::exchange(impl_->unread, {});
}

void Http1Session::take_output(std::string& out) {
  if (out.empty()) {
    out.swap(impl_->output);
  } else {
    out += std::exchange(impl_->output, {});
  }
}

bool Http1Session::has_request() const noexcept {
  return impl_->arrived.has_value();
}
std::size_t Http1Session::output_bytes() const noexcept {
  return impl_->output.size();
}
std::size_t Http1Session::held_bytes() const noexcept {
  const std::size_t arriving = impl_->parser->get().body().size();
  const std::size_t arrived = impl_->arrived ? impl_->arrived->body.size() : 0;
  return impl_->unread.size() + arriving + arrived + impl_->output.size();
}

void Http1Session::shut_down() {
  impl_->shutting_down = true;
  if (!impl_->open) impl_->dead = true;
}

bool Http1Session::wants_bytes() const noexcept {
  return !(impl_->open || impl_->stalled) || impl_->unread.size() < unread_bound_bytes;
}
bool Http1Session::mid_request() const noexcept {
  return !impl_->open && !impl_->stalled && !impl_->dead &&
         (impl_->parser->got_some() || !impl_->unread.empty());
}
bool Http1Session::is_open(StreamId stream) const noexcept {
  return impl_->open && !impl_->dead && stream == impl_->last;
}
std::size_t Http1Session::open_streams() const noexcept {
  return impl_->open ? 1 : 0;
}
bool Http1Session::dead() const noexcept {
  return impl_->dead;
}

}  // namespace fanfare::http2
