// Http1Exchange: one request over one plaintext HTTP/1.1 connection of its own. For the metadata
// servers of clouds, which speak nothing else; everything that matters for speed goes by a Pool.
//
// Lives on one thread, that of its io_context.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "http2/client_session.h"
#include "http2/pool.h"

namespace fanfare::http2 {

class Http1Exchange {
 public:
  /// Starts; `on_ended` is called exactly once, never from within the constructor, and not at all
  /// once this is destroyed. Ends as `unsent` when no connection could be had, as `unknown` when
  /// no whole answer came within `timeout`.
  Http1Exchange(boost::asio::io_context& io, const Origin& origin, const Request& request,
                std::chrono::milliseconds timeout, std::function<void(Ended)> on_ended);
  ~Http1Exchange();
  Http1Exchange(const Http1Exchange&) = delete;
  Http1Exchange& operator=(const Http1Exchange&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace fanfare::http2
