// What both sessions need of nghttp2: ownership of its handles, its header fields, and its output
// as one string. Private to this module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <nghttp2/nghttp2.h>

namespace fanfare::http2 {

template <auto del>
struct CallDelete {
  template <class T>
  void operator()(T* handle) const noexcept {
    del(handle);
  }
};
using SessionHandle = std::unique_ptr<nghttp2_session, CallDelete<nghttp2_session_del>>;
using CallbacksHandle =
    std::unique_ptr<nghttp2_session_callbacks, CallDelete<nghttp2_session_callbacks_del>>;
using OptionHandle = std::unique_ptr<nghttp2_option, CallDelete<nghttp2_option_del>>;

[[nodiscard]] CallbacksHandle make_callbacks();

/// With the limits against floods that both sides share: each frame that forces an answer from us
/// (PING, SETTINGS) and each CONTINUATION costs the peer less than it costs us.
[[nodiscard]] OptionHandle make_options();

/// A header field for nghttp2_submit_*, which copies it.
[[nodiscard]] nghttp2_nv make_field(std::string_view name, std::string_view value) noexcept;

/// A body on its way out: what has not been handed to nghttp2 yet is body[sent..].
struct Outgoing {
  std::string body;
  std::size_t sent = 0;
  bool finished = false;  ///< Its last byte, with END_STREAM, is serialised.
  bool stalls = false;    ///< Has no end: after its last byte nothing more comes.
};
/// `outgoing` must stay where it is until its stream is closed.
[[nodiscard]] nghttp2_data_provider make_provider(Outgoing& outgoing) noexcept;

/// Serialises what is due to the end of `out`, until it holds `high_water_bytes`. False when the
/// session is beyond use.
[[nodiscard]] bool serialise(nghttp2_session* session, std::string& out,
                             std::size_t high_water_bytes);

/// How much output may pile up inside a session before it stops answering PING and SETTINGS. Above
/// it the acknowledgements wait in nghttp2, whose limit on them then ends a flood.
inline constexpr std::size_t idle_output_bytes = 64U << 10;

/// Flow-control windows: a whole answer or request of the default limits fits in a stream's, and
/// sixteen of them in the connection's, so that a transfer rarely waits for a WINDOW_UPDATE.
inline constexpr std::uint32_t stream_window_bytes = 1U << 20;
inline constexpr std::int32_t connection_window_bytes = 16 << 20;

/// "PROTOCOL_ERROR (text)"; the text, which a peer chose, is cut and made printable.
[[nodiscard]] std::string describe(std::uint32_t error_code, std::string_view text = {});

}  // namespace fanfare::http2
