#include "registry/device_file.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "registry/byte_source.h"
#include "registry/device_parser.h"

namespace fanfare::registry {

struct DeviceFile::Impl {
  std::unique_ptr<FileSource> file;
  std::unique_ptr<ByteSource> bytes;
  DeviceParser parser;
  bool at_end = false;
  // Parsed and not yet handed out: at most what one chunk of bytes gives.
  std::vector<Device> parsed;
  std::size_t handed_out = 0;
  std::array<char, 64U << 10> chunk{};

  [[nodiscard]] std::size_t left() const { return parsed.size() - handed_out; }

  Result<void> parse_chunk(std::vector<BadLine>& bad) {
    parsed.clear();
    handed_out = 0;
    const auto count = bytes->read(chunk);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) {
      at_end = true;
      parser.finish(parsed, bad);
    } else {
      parser.feed({chunk.data(), *count}, parsed, bad);
    }
    return {};
  }
};

DeviceFile::DeviceFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DeviceFile::DeviceFile(DeviceFile&&) noexcept = default;
DeviceFile& DeviceFile::operator=(DeviceFile&&) noexcept = default;
DeviceFile::~DeviceFile() = default;

Result<DeviceFile> DeviceFile::open(const std::filesystem::path& path) {
  auto impl = std::make_unique<Impl>();
  auto file = FileSource::open(path);
  if (!file) return std::unexpected(file.error());
  impl->file = std::move(*file);
  auto bytes = unpacked(*impl->file);
  if (!bytes) return std::unexpected(bytes.error());
  impl->bytes = std::move(*bytes);
  return DeviceFile(std::move(impl));
}

Result<bool> DeviceFile::read(std::size_t limit, std::vector<Device>& devices,
                              std::vector<BadLine>& bad) {
  while (limit > 0) {
    const auto count = std::min(limit, impl_->left());
    const auto first = impl_->parsed.begin() + static_cast<std::ptrdiff_t>(impl_->handed_out);
    std::move(first, first + static_cast<std::ptrdiff_t>(count), std::back_inserter(devices));
    impl_->handed_out += count;
    limit -= count;
    if (impl_->left() == 0 && impl_->at_end) return false;
    if (limit == 0) break;
    if (auto parsed = impl_->parse_chunk(bad); !parsed) return std::unexpected(parsed.error());
  }
  return true;
}

std::uint64_t DeviceFile::bytes_read() const noexcept {
  return impl_->file->bytes_read();
}
std::uint64_t DeviceFile::bytes_total() const noexcept {
  return impl_->file->bytes_total();
}

}  // namespace fanfare::registry
