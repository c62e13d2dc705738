#include "http2/client_streams.h"

#include <algorithm>
#include <utility>

#include "base/prefetch.h"

namespace fanfare::http2 {
namespace {

constexpr std::size_t first_places = 256;  // A power of two.

/// As a fresh one, but for the memory of its strings.
void renew(ClientStream& stream) {
  static_cast<ClientStreamState&>(stream) = {};
  stream.unwritten.clear();
  stream.body.clear();
}

}  // namespace

ClientStreams::ClientStreams() : places_(first_places) {}

ClientStream& ClientStreams::open(std::uint32_t id, RequestId request) {
  if (count_ == places_.size()) grow();
  if (free_.empty()) free_.push_back(&slots_.emplace_back());
  ClientStream& stream = *free_.back();
  free_.pop_back();
  stream.id = id;
  stream.request = request;
  put(stream);
  ++count_;
  return stream;
}

ClientStream* ClientStreams::find(std::uint32_t id) noexcept {
  ClientStream* stream = place(id);
  while (stream != nullptr && stream->id != id) stream = stream->chained;
  return stream;
}

void ClientStreams::prefetch(std::uint32_t id) noexcept {
  if (const ClientStream* stream = place(id)) fanfare::prefetch(stream, sizeof(ClientStream));
}

ClientStream* ClientStreams::find_request(RequestId request) const noexcept {
  for (ClientStream* stream : places_) {
    for (; stream != nullptr; stream = stream->chained) {
      if (stream->request == request) return stream;
    }
  }
  return nullptr;
}

void ClientStreams::close(ClientStream& stream) {
  ClientStream** link = &place(stream.id);
  while (*link != &stream) link = &(*link)->chained;
  *link = stream.chained;
  --count_;
  renew(stream);
  free_.push_back(&stream);
}

std::vector<ClientStream*> ClientStreams::all() const {
  std::vector<ClientStream*> streams;
  streams.reserve(count_);
  for (ClientStream* stream : places_) {
    for (; stream != nullptr; stream = stream->chained) streams.push_back(stream);
  }
  std::ranges::sort(streams, {}, &ClientStream::id);
  return streams;
}

/// A client's ids are odd and rise by two, so that no two of the last so many share a place.
ClientStream*& ClientStreams::place(std::uint32_t id) noexcept {
  return places_[(id >> 1U) & (places_.size() - 1)];
}

void ClientStreams::put(ClientStream& stream) noexcept {
  stream.chained = std::exchange(place(stream.id), &stream);
}

void ClientStreams::grow() {
  const auto streams = all();
  places_.assign(2 * places_.size(), nullptr);
  for (ClientStream* stream : streams) put(*stream);
}

}  // namespace fanfare::http2
