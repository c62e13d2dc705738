// Request and Response as values: what both sides of HTTP exchange, in any version.
#pragma once

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
