#include "http2/client_session.h"

#include <algorithm>
#include <utility>

#include "base/prefetch.h"
#include "http2/frame_client_session.h"
#include "http2/nghttp2_client_session.h"

namespace fanfare::http2 {

Ended& EndedList::add(RequestId id, Ended::How how) {
  Ended& end = next(id, how);
  end.response.common.reset();
  return end;
}

Ended& EndedList::add_answered(RequestId id, const std::shared_ptr<const Headers>& common) {
  Ended& end = next(id, Ended::How::answered);
  if (end.response.common != common) end.response.common = common;
  return end;
}

/// All but its common headers is as in a fresh one.
Ended& EndedList::next(RequestId id, Ended::How how) {
  if (count_ == items_.size()) items_.emplace_back();
  if (count_ + prefetch_distance < items_.size()) {
    prefetch(&items_[count_ + prefetch_distance], sizeof(Ended));
  }
  Ended& end = items_[count_++];
  end.id = id;
  end.how = how;
  end.response.status = 0;
  end.response.headers.clear();
  end.response.body.clear();
  end.reason.clear();
  return end;
}

void EndedList::move_to(EndedList& out) {
  if (out.empty()) {
    items_.swap(out.items_);
    std::swap(count_, out.count_);
  } else {
    for (Ended& end : all()) std::swap(out.add(end.id, end.how), end);
  }
  clear();
}

void ClientSession::submit(RequestId id, const Request& request) {
  submit(id,
         std::make_shared<const RequestHead>(RequestHead{.method = request.method,
                                                         .scheme = request.scheme,
                                                         .authority = request.authority,
                                                         .path = request.path,
                                                         .headers = request.headers}),
         {.pieces = {request.body}});
}

std::unique_ptr<ClientSession> make_client_session(Http2Engine engine, const ClientLimits& limits) {
  switch (engine) {
    case Http2Engine::nghttp2:
      return make_nghttp2_client_session(limits);
    case Http2Engine::frames:
      return make_frame_client_session(limits);
  }
  std::unreachable();
}

}  // namespace fanfare::http2
