#include "http2/spare_buffers.h"

#include <array>
#include <cstddef>
#include <utility>

namespace fanfare::http2 {
namespace {

/// More are on their way at once only when several connections have answers or requests to write.
constexpr std::size_t most_buffers = 8;

/// One large answer must not cost memory for as long as its thread lasts.
constexpr std::size_t most_bytes = 256U << 10;

struct Spare {
  std::array<std::string, most_buffers> buffers;
  std::size_t count = 0;
};

thread_local Spare spare;

}  // namespace

std::string take_spare_buffer() noexcept {
  if (spare.count == 0) return {};
  return std::exchange(spare.buffers[--spare.count], {});
}

void give_spare_buffer(std::string buffer) noexcept {
  constexpr std::size_t inline_bytes = 15;
  if (buffer.capacity() <= inline_bytes || buffer.capacity() > most_bytes) return;
  if (spare.count == most_buffers) return;
  buffer.clear();
  spare.buffers[spare.count++] = std::move(buffer);
}

}  // namespace fanfare::http2
