// RequestRules: what a request over HTTP/2 must hold to, or be reset as malformed (RFC 9113, 8.1.1
// to 8.3.1). nghttp2 would check this as well, but can't be told to forgive, and one thing has to
// be: firebase-admin for Node writes its :scheme as "https:", and Google's servers take it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fanfare::http2 {

/// Fed with one request in the order of arrival. False is final: the request is malformed.
class RequestRules {
 public:
  [[nodiscard]] bool on_field(std::string_view name, std::string_view value);
  /// All fields before the body are there.
  [[nodiscard]] bool on_headers_end() const noexcept;
  [[nodiscard]] bool on_trailer(std::string_view name, std::string_view value) const noexcept;
  /// The request is there.
  [[nodiscard]] bool on_end(std::size_t body_bytes) const noexcept;

 private:
  [[nodiscard]] bool on_pseudo_field(std::string_view name, std::string_view value);

  bool method_ = false;
  bool scheme_ = false;
  bool path_ = false;
  bool authority_ = false;  ///< The field :authority.
  bool host_ = false;
  bool regular_ = false;  ///< A field that is no pseudo-header was there.
  std::optional<std::uint64_t> length_;
};

/// The name of a scheme, without the colon that some clients leave behind it; empty: it is none.
[[nodiscard]] std::string_view scheme_name(std::string_view text) noexcept;

}  // namespace fanfare::http2
