#include "delivery/cursor.h"

#include <algorithm>
#include <cassert>
#include <cstdint>

namespace fanfare::delivery {
namespace {

void append_base128(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>((value & 0x7F) | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

// Reads one number off the front; false when the text ends inside it or it is over 63 bits.
bool read_base128(std::string_view& text, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    if (text.empty()) return false;
    const auto byte = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

}  // namespace

Result<Cursor> Cursor::restore(DeviceId position, std::string_view done) {
  Cursor cursor;
  cursor.position_ = position;
  DeviceId id = position;
  while (!done.empty()) {
    std::uint64_t distance = 0;
    constexpr auto max_id = static_cast<std::uint64_t>(INT64_MAX);
    if (!read_base128(done, distance) || distance == 0 ||
        distance > max_id - static_cast<std::uint64_t>(id)) {
      return fail(Error::Kind::storage, "the campaign's list of settled devices is damaged",
                  "start the send anew without --resume");
    }
    id += static_cast<DeviceId>(distance);
    cursor.resumed_.push_back(id);
  }
  return cursor;
}

bool Cursor::take(DeviceId id) {
  assert(id > last_taken());
  // An id that vanished from the audience meanwhile leaves its mark behind; pass it over.
  while (!resumed_.empty() && resumed_.front() < id) resumed_.pop_front();
  const bool settled_before = !resumed_.empty() && resumed_.front() == id;
  if (settled_before) resumed_.pop_front();
  taken_.push_back({id, settled_before});
  if (settled_before) {
    advance();
  } else {
    ++unsettled_;
  }
  return !settled_before;
}

void Cursor::settle(DeviceId id) {
  const auto at = std::lower_bound(taken_.begin(), taken_.end(), id,
                                   [](const Taken& taken, DeviceId key) { return taken.id < key; });
  assert(at != taken_.end() && at->id == id && !at->settled);
  at->settled = true;
  --unsettled_;
  advance();
}

void Cursor::advance() {
  while (!taken_.empty() && taken_.front().settled) {
    position_ = taken_.front().id;
    taken_.pop_front();
  }
}

DeviceId Cursor::last_taken() const noexcept {
  return taken_.empty() ? position_ : taken_.back().id;
}

std::string Cursor::done() const {
  std::string out;
  DeviceId last = position_;
  const auto append = [&](DeviceId id) {
    append_base128(out, static_cast<std::uint64_t>(id - last));
    last = id;
  };
  for (const Taken& taken : taken_) {
    if (taken.settled) append(taken.id);
  }
  for (const DeviceId id : resumed_) append(id);
  return out;
}

}  // namespace fanfare::delivery
