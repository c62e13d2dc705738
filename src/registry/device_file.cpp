#include "registry/device_file.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "registry/byte_source.h"
#include "registry/device_parser.h"

namespace fanfare::registry {

struct DeviceFile::Impl {
  explicit Impl(ReadOptions options) : parser(std::move(options)) {}

  std::unique_ptr<FileSource> file;
  std::unique_ptr<ByteSource> bytes;
  DeviceParser parser;
  bool at_end = false;
  DeviceBatch left;  // Parsed and not yet handed out: at most what one chunk of bytes gives.
  std::uint64_t mark = 0;
  std::array<char, 64U << 10> chunk{};

  Result<void> parse_chunk(DeviceBatch& batch) {
    const auto count = bytes->read(chunk);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) {
      at_end = true;
      parser.finish(batch);
    } else {
      parser.feed({chunk.data(), *count}, batch);
    }
    if (const auto& failure = parser.failure()) {
      return fail(failure->kind, fmt::format("{}: {}", file->path().string(), failure->what),
                  failure->remedy);
    }
    return {};
  }
};

namespace {

template <class T>
void move_tail(std::vector<T>& from, std::size_t first, std::vector<T>& to) {
  const auto begin = from.begin() + static_cast<std::ptrdiff_t>(std::min(first, from.size()));
  to.assign(std::make_move_iterator(begin), std::make_move_iterator(from.end()));
  from.erase(begin, from.end());
}

std::size_t count_up_to(const std::vector<std::uint64_t>& marks, std::uint64_t mark) {
  return static_cast<std::size_t>(std::ranges::upper_bound(marks, mark) - marks.begin());
}

// Moves all behind the first `limit` devices or bad lines to `rest`, and gives the mark of the last
// that stays; nothing to move: nullopt.
std::optional<std::uint64_t> split(DeviceBatch& batch, std::size_t limit, DeviceBatch& rest) {
  std::optional<std::uint64_t> last;
  if (batch.devices.size() > limit) last = batch.marks[limit - 1];
  if (batch.bad.size() > limit) last = std::min(last.value_or(~0ULL), batch.bad_marks[limit - 1]);
  if (!last) return last;
  const auto devices = count_up_to(batch.marks, *last);
  const auto bad = count_up_to(batch.bad_marks, *last);
  move_tail(batch.devices, devices, rest.devices);
  move_tail(batch.marks, devices, rest.marks);
  move_tail(batch.bad, bad, rest.bad);
  move_tail(batch.bad_marks, bad, rest.bad_marks);
  const auto histories = static_cast<std::size_t>(
      std::ranges::lower_bound(batch.histories, devices, {}, &DeviceHistory::device) -
      batch.histories.begin());
  move_tail(batch.histories, histories, rest.histories);
  for (DeviceHistory& history : rest.histories) history.device -= devices;
  return last;
}

}  // namespace

DeviceFile::DeviceFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DeviceFile::DeviceFile(DeviceFile&&) noexcept = default;
DeviceFile& DeviceFile::operator=(DeviceFile&&) noexcept = default;
DeviceFile::~DeviceFile() = default;

Result<DeviceFile> DeviceFile::open(const std::filesystem::path& path, ReadOptions options) {
  auto file = FileSource::open(path, options.interrupt);
  if (!file) return std::unexpected(file.error());
  auto impl = std::make_unique<Impl>(std::move(options));
  impl->file = std::move(*file);
  auto bytes = unpacked(*impl->file);
  if (!bytes) return std::unexpected(bytes.error());
  impl->bytes = std::move(*bytes);
  return DeviceFile(std::move(impl));
}

Result<bool> DeviceFile::read(std::size_t limit, DeviceBatch& batch) {
  batch.clear();
  std::swap(batch, impl_->left);
  while (true) {
    if (const auto mark = split(batch, limit, impl_->left)) {
      impl_->mark = *mark;
      return true;
    }
    impl_->mark = impl_->parser.mark();
    if (impl_->at_end) return false;
    if (batch.devices.size() == limit || batch.bad.size() == limit) return true;
    if (auto parsed = impl_->parse_chunk(batch); !parsed) {
      // What came before is no more than a chunk over the limit.
      impl_->mark = impl_->parser.mark();
      return std::unexpected(parsed.error());
    }
  }
}

Result<bool> DeviceFile::read(std::size_t limit, std::vector<Device>& devices,
                              std::vector<BadLine>& bad) {
  DeviceBatch batch;
  auto more = read(limit, batch);
  std::ranges::move(batch.devices, std::back_inserter(devices));
  std::ranges::move(batch.bad, std::back_inserter(bad));
  return more;
}

std::uint64_t DeviceFile::mark() const noexcept {
  return impl_->mark;
}
const std::string& DeviceFile::csv_header() const noexcept {
  return impl_->parser.header();
}
std::uint64_t DeviceFile::bytes_read() const noexcept {
  return impl_->file->bytes_read();
}
std::uint64_t DeviceFile::bytes_total() const noexcept {
  return impl_->file->bytes_total();
}

}  // namespace fanfare::registry
