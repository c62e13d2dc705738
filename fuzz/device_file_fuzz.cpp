// Any bytes: fed at once and byte by byte they give the same devices and bad lines, and what was
// read is written and read back the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "registry/device_parser.h"
#include "registry/device_writer.h"

namespace {

using namespace fanfare::registry;

DeviceBatch parse(std::string_view text, std::size_t step) {
  DeviceBatch read;
  DeviceParser parser;
  for (std::size_t at = 0; at < text.size(); at += step) parser.feed(text.substr(at, step), read);
  parser.finish(read);
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
  const DeviceBatch whole = parse(text, size + 1);
  const DeviceBatch bytes = parse(text, 1);
  const std::string json = as_json(whole.devices);
  require(json == as_json(bytes.devices));
  require(whole.bad.size() == bytes.bad.size());
  require(whole.marks == bytes.marks && whole.bad_marks == bytes.bad_marks);
  for (std::size_t i = 0; i < whole.bad.size(); ++i) {
    require(whole.bad[i].number == bytes.bad[i].number && whole.bad[i].what == bytes.bad[i].what);
    require(whole.bad[i].text == bytes.bad[i].text && whole.bad[i].bytes == bytes.bad[i].bytes);
  }

  std::string csv(csv_header());
  for (const auto& device : whole.devices) append_csv(csv, device);
  for (const std::string& written : {json, csv}) {
    const DeviceBatch again = parse(written, 4096);
    require(again.bad.empty());
    require(as_json(again.devices) == json);
  }
  return 0;
}
