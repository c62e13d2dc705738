// The description of the API, and the page that shows it: files of docs/ and page/, built in.
#pragma once

#include <string_view>

namespace fanfare::gateway {

extern const std::string_view openapi_document;  ///< docs/openapi.json
extern const std::string_view api_page;          ///< page/api.html, which reads /openapi.json
inline constexpr std::string_view api_page_policy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'";

}  // namespace fanfare::gateway
