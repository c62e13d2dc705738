// Any bytes as an SQL dump: fed at once and byte by byte they give the same devices and bad rows.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "registry/device_parser.h"
#include "registry/device_writer.h"
#include "registry/sql_dump.h"

namespace {

using namespace fanfare::registry;

ReadOptions table_t() {
  const std::vector<std::string> mapped = {"token=a,user=b,last_seen=c"};
  auto fields = FieldMap::make(mapped, {});
  if (!fields) std::abort();
  return {.fields = std::move(*fields), .table = "t"};
}

struct Read : DeviceBatch {
  bool failed = false;
};

Read parse(std::string_view text, std::size_t step) {
  Read read;
  DeviceParser parser(table_t());
  for (std::size_t at = 0; at < text.size(); at += step) parser.feed(text.substr(at, step), read);
  parser.finish(read);
  read.failed = parser.failure().has_value();
  return read;
}

std::string as_json(const std::vector<Device>& devices) {
  std::string text;
  for (const auto& device : devices) append_json(text, device);
  return text;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Read whole = parse(text, size + 1);
  const Read bytes = parse(text, 1);
  require(as_json(whole.devices) == as_json(bytes.devices));
  require(whole.failed == bytes.failed);
  require(whole.marks == bytes.marks && whole.bad_marks == bytes.bad_marks);
  for (std::size_t i = 0; i < whole.bad.size(); ++i) {
    require(whole.bad[i].number == bytes.bad[i].number && whole.bad[i].what == bytes.bad[i].what);
    require(whole.bad[i].text == bytes.bad[i].text && whole.bad[i].bytes == bytes.bad[i].bytes);
    require(whole.bad[i].bytes >= whole.bad[i].text.size());
  }
  return 0;
}
