#include "registry/device_file.h"

#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

class DeviceFileTest : public TempStore {
 protected:
  // All values, joined; or the error.
  std::string read(const std::string& bytes, std::size_t limit = 1'000) {
    const auto path = folder_ / "list";
    EXPECT_TRUE(write_file(path, bytes));
    auto file = DeviceFile::open(path);
    if (!file) return file.error().what;
    std::string values;
    while (true) {
      std::vector<Device> devices;
      const auto more = file->read(limit, devices, bad_);
      EXPECT_LE(devices.size(), limit);
      for (const auto& device : devices) values += device.registration.value + " ";
      if (!more) {
        EXPECT_EQ(more.error().kind, Error::Kind::input);
        EXPECT_NE(more.error().what.find(path.string()), std::string::npos);
        return values + more.error().what.substr(path.string().size());
      }
      if (!*more) return values;
    }
  }
  std::vector<BadLine> bad_;
};

TEST_F(DeviceFileTest, HandsOutNoMoreThanTheLimit) {
  EXPECT_EQ(read("a\nb\nc\nd e\nf\n", 2), "a b c f ");
  EXPECT_EQ(bad_.size(), 1U);
}

TEST_F(DeviceFileTest, UnpacksGzipOfSeveralMembers) {
  EXPECT_EQ(read(gzip("a\nb") + gzip("c\nd\n") + std::string(512, '\0')), "a bc d ");
}

TEST_F(DeviceFileTest, UnpacksZstdOfSeveralFrames) {
  EXPECT_EQ(read(zstd("a\nb") + zstd("c\nd\n")), "a bc d ");
}

TEST_F(DeviceFileTest, SaysThatAnArchiveWasCut) {
  for (const std::string& packed : {gzip("a\nb\nc\n"), zstd("a\nb\nc\n")}) {
    for (std::size_t length = 5; length < packed.size(); ++length) {
      const std::string result = read(packed.substr(0, length));
      EXPECT_NE(result.find("was cut"), std::string::npos) << length << result;
    }
  }
}

TEST_F(DeviceFileTest, SaysThatAnArchiveIsDamaged) {
  std::string packed = gzip("a\nb\nc\n");
  packed[packed.size() - 6] = static_cast<char>(packed[packed.size() - 6] ^ 0x55);  // Checksum.
  EXPECT_NE(read(packed).find("is damaged"), std::string::npos);
  EXPECT_NE(read(gzip("a\n") + "tail").find("is damaged"), std::string::npos);
  EXPECT_NE(read(zstd("a\n") + "tail").find("is damaged"), std::string::npos);
}

TEST_F(DeviceFileTest, NamesAMissingFileAndAFolder) {
  const auto missing = DeviceFile::open(folder_ / "no.csv");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, Error::Kind::input);
  EXPECT_EQ(missing.error().remedy, "check the path");
  const auto folder = DeviceFile::open(folder_);
  ASSERT_FALSE(folder);
  EXPECT_NE(folder.error().what.find("directory"), std::string::npos);
}

TEST_F(DeviceFileTest, ReadsAnEmptyFileAsNothing) {
  EXPECT_EQ(read(""), "");
}

TEST_F(DeviceFileTest, TellsHowFarItIs) {
  ASSERT_TRUE(write_file(folder_ / "x", "a\nb\n"));
  auto file = DeviceFile::open(folder_ / "x");
  ASSERT_TRUE(file);
  std::vector<Device> devices;
  ASSERT_TRUE(file->read(10, devices, bad_));
  EXPECT_EQ(file->bytes_total(), 4U);
  EXPECT_EQ(file->bytes_read(), 4U);
}

}  // namespace
}  // namespace fanfare::registry
