// Request and Response as values: what both sides of HTTP exchange, in any version.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fanfare::http2 {

struct Header {
  std::string name;  ///< Lower case (RFC 9113, 8.2.1), never a pseudo-header.
  std::string value;
};
using Headers = std::vector<Header>;

/// The first value of `name` (lower case); empty when absent.
[[nodiscard]] std::string_view find_header(const Headers& headers, std::string_view name) noexcept;

struct Request {
  std::string method = "GET";
  std::string scheme = "https";
  std::string authority;   ///< host or host:port.
  std::string path = "/";  ///< With the query, percent-encoded.
  Headers headers;
  std::string body;
};

/// All of a request but its body. A sender makes one for thousands of requests, so a session knows
/// it again by its address and need not write it anew.
struct RequestHead {
  std::string method = "GET";
  std::string scheme = "https";
  std::string authority = {};  ///< host or host:port.
  std::string path = "/";      ///< With the query, percent-encoded.
  Headers headers = {};
};
using SharedHead = std::shared_ptr<const RequestHead>;

/// A body in pieces that are written one after another: what is common, with what differs between.
/// Views of somebody else's bytes.
struct BodyPieces {
  std::array<std::string_view, 3> pieces = {};
  [[nodiscard]] std::size_t size() const noexcept {
    return pieces[0].size() + pieces[1].size() + pieces[2].size();
  }
};

/// Whether the session adds a content-length: for each body and, as servers may insist on it, for
/// a POST without one; not when the head has one already.
[[nodiscard]] bool says_length(const RequestHead& head, std::size_t body_bytes) noexcept;

struct Response {
  int status = 0;
  Headers headers = {};
  std::string body = {};
  /// More headers, which many responses share so that each need not own a copy; null: none.
  std::shared_ptr<const Headers> common = {};
};

/// Its own first, then the common ones.
[[nodiscard]] std::string_view find_header(const Response& response,
                                           std::string_view name) noexcept;

}  // namespace fanfare::http2
