// The page for people at `/`: what the phones would have got. Its files are in page/, written by
// hand and built into the program as they are; page/page.js asks for the rest under /_emulator/.
#pragma once

#include <string_view>

namespace fanfare::emulator {

struct PageFile {
  std::string_view path;  ///< Where it is served; the page itself is at "/".
  std::string_view content_type;
  std::string_view body;
};

/// The page's Content-Security-Policy: what a message names may be shown as an image, and nothing
/// that it holds is ever run.
inline constexpr std::string_view page_policy =
    "default-src 'self'; img-src 'self' https: data:; frame-ancestors 'none'";

/// The file served at `path`, without a query; null when the page has none there.
[[nodiscard]] const PageFile* find_page_file(std::string_view path);

}  // namespace fanfare::emulator
