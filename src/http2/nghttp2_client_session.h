// The client session whose frames nghttp2 writes and reads.
#pragma once

#include <memory>

#include "http2/client_session.h"

namespace fanfare::http2 {

[[nodiscard]] std::unique_ptr<ClientSession> make_nghttp2_client_session(
    const ClientLimits& limits);

}  // namespace fanfare::http2
