// HPACK as the server's end of a connection reads it, by nghttp2.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include "http2/nghttp2_handle.h"
#include "http2/testing/frames.h"

namespace fanfare::http2::testing {

class HeaderDecoder {
 public:
  HeaderDecoder() {
    nghttp2_hd_inflater* inflater = nullptr;
    nghttp2_hd_inflate_new(&inflater);
    inflater_.reset(inflater);
  }

  /// The client has acknowledged SETTINGS_HEADER_TABLE_SIZE. From then on it must obey.
  void set_table_bytes(std::uint32_t bytes) {
    nghttp2_hd_inflate_change_table_size(inflater_.get(), bytes);
  }

  /// Nothing when the block is broken.
  std::optional<Fields> decode(std::string_view block) {
    Fields fields;
    const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
    std::size_t left = block.size();
    for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
      nghttp2_nv field{};
      const ssize_t taken = nghttp2_hd_inflate_hd2(inflater_.get(), &field, &flags, at, left, 1);
      if (taken < 0) return std::nullopt;
      at += taken;
      left -= static_cast<std::size_t>(taken);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        fields.emplace_back(
            std::string(reinterpret_cast<const char*>(field.name), field.namelen),
            std::string(reinterpret_cast<const char*>(field.value), field.valuelen));
      }
    }
    nghttp2_hd_inflate_end_headers(inflater_.get());
    return fields;
  }

  [[nodiscard]] std::size_t table_bytes() const {
    return nghttp2_hd_inflate_get_dynamic_table_size(inflater_.get());
  }

 private:
  std::unique_ptr<nghttp2_hd_inflater, CallDelete<nghttp2_hd_inflate_del>> inflater_;
};

}  // namespace fanfare::http2::testing
