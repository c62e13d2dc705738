#include "http2/nghttp2_handle.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace fanfare::http2 {
namespace {

ssize_t read_body(nghttp2_session* /*session*/, std::int32_t /*stream*/, std::uint8_t* buffer,
                  std::size_t room, std::uint32_t* flags, nghttp2_data_source* source,
                  void* /*user_data*/) {
  auto& outgoing = *static_cast<Outgoing*>(source->ptr);
  if (outgoing.stalls && outgoing.sent == outgoing.body.size()) return NGHTTP2_ERR_DEFERRED;
  const std::size_t count = std::min(room, outgoing.body.size() - outgoing.sent);
  std::memcpy(buffer, outgoing.body.data() + outgoing.sent, count);
  outgoing.sent += count;
  if (outgoing.sent == outgoing.body.size() && !outgoing.stalls) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    // nghttp2 asks for the data of a frame only when it writes that frame.
    outgoing.finished = true;
  }
  return static_cast<ssize_t>(count);
}

}  // namespace

CallbacksHandle make_callbacks() {
  nghttp2_session_callbacks* callbacks = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) throw std::bad_alloc();
  return CallbacksHandle(callbacks);
}

OptionHandle make_options() {
  nghttp2_option* option = nullptr;
  if (nghttp2_option_new(&option) != 0) throw std::bad_alloc();
  nghttp2_option_set_max_outbound_ack(option, 1'000);
  nghttp2_option_set_max_settings(option, 32);
  nghttp2_option_set_max_continuations(option, 8);
  return OptionHandle(option);
}

nghttp2_nv make_field(std::string_view name, std::string_view value) noexcept {
  // nghttp2 takes pointers to non-const and does not write through them.
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

nghttp2_data_provider make_provider(Outgoing& outgoing) noexcept {
  nghttp2_data_provider provider{};
  provider.source.ptr = &outgoing;
  provider.read_callback = read_body;
  return provider;
}

bool serialise(nghttp2_session* session, std::string& out, std::size_t high_water_bytes) {
  while (out.size() < high_water_bytes) {
    const std::uint8_t* data = nullptr;
    const ssize_t count = nghttp2_session_mem_send(session, &data);
    if (count < 0) return false;
    if (count == 0) return true;
    out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(count));
  }
  return true;
}

std::string describe(std::uint32_t error_code, std::string_view text) {
  std::string words = nghttp2_http2_strerror(error_code);
  if (text.empty()) return words;
  constexpr std::size_t longest = 200;
  words += " (";
  for (const char c : text.substr(0, longest)) words += (c >= ' ' && c <= '~') ? c : '.';
  words += ')';
  return words;
}

}  // namespace fanfare::http2
