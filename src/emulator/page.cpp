#include "emulator/page.h"

#include <algorithm>
#include <array>

namespace fanfare::emulator {
namespace {

constexpr std::string_view index_html =
#include "emulator/page/index.html.inc"
    ;
constexpr std::string_view page_css =
#include "emulator/page/page.css.inc"
    ;
constexpr std::string_view page_js =
#include "emulator/page/page.js.inc"
    ;

constexpr std::array page_files{
    PageFile{"/", "text/html; charset=UTF-8", index_html},
    PageFile{"/_emulator/", "text/html; charset=UTF-8", index_html},
    PageFile{"/_emulator/page.css", "text/css; charset=UTF-8", page_css},
    PageFile{"/_emulator/page.js", "text/javascript; charset=UTF-8", page_js},
};

}  // namespace

const PageFile* find_page_file(std::string_view path) {
  const auto* file = std::ranges::find(page_files, path, &PageFile::path);
  return file == page_files.end() ? nullptr : file;
}

}  // namespace fanfare::emulator
