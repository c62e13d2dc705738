#include "gateway/api_page.h"

namespace fanfare::gateway {

const std::string_view openapi_document =
#include "gateway/page/openapi.json.inc"
    ;
const std::string_view api_page =
#include "gateway/page/api.html.inc"
    ;

}  // namespace fanfare::gateway
