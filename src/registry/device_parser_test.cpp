#include "registry/device_parser.h"

#include "registry/device_writer.h"
#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

struct Read {
  std::vector<Device> devices;
  std::vector<BadLine> bad;

  [[nodiscard]] std::string values() const {
    std::string text;
    for (const auto& device : devices) text += device.registration.value + " ";
    return text;
  }
  [[nodiscard]] std::string bad_numbers() const {
    std::string text;
    for (const auto& line : bad) text += std::to_string(line.number) + " ";
    return text;
  }
};

Read parse(std::string_view text, std::size_t step = std::string_view::npos) {
  Read read;
  DeviceParser parser;
  while (!text.empty()) {
    const auto part = text.substr(0, step);
    parser.feed(part, read.devices, read.bad);
    text.remove_prefix(part.size());
  }
  parser.finish(read.devices, read.bad);
  return read;
}

TEST(DeviceParser, ReadsPlainTextWithoutBlankLinesAndComments) {
  const Read read = parse("# mine\n\ntoken-a\r\ntoken-b\n#x\ntoken-c");
  EXPECT_EQ(read.values(), "token-a token-b token-c ");
  EXPECT_TRUE(read.bad.empty());
}

TEST(DeviceParser, FindsCsvColumnsInAnyOrderAndCase) {
  const Read read = parse(
      "\xEF\xBB\xBFUser,Note,TOKEN,tags,Platform,last_seen,locale,app_version\r\n"
      "u1,x,tok,a; b;a,Chrome,2026-11-24T05:44:00Z,ko,1.2\r\n");
  ASSERT_EQ(read.devices.size(), 1U);
  const Device& device = read.devices[0];
  EXPECT_EQ(device.registration, (Target{TargetKind::token, "tok"}));
  EXPECT_EQ(device.user, "u1");
  EXPECT_EQ(device.tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(device.platform, "web");
  EXPECT_EQ(device.last_seen, parse_rfc3339("2026-11-24T05:44:00Z"));
  EXPECT_EQ(device.locale, "ko");
  EXPECT_EQ(device.app_version, "1.2");
}

TEST(DeviceParser, ReadsQuotedCsvFieldsOverSeveralLines) {
  const Read read = parse("token,note\n\"a\",\"x, \"\"y\"\"\nz\"\nb,\n");
  EXPECT_EQ(read.values(), "a b ");
  EXPECT_TRUE(read.bad.empty());
}

TEST(DeviceParser, ReportsBadCsvLinesAndKeepsTheRest) {
  const Read read =
      parse("token,fid,last_seen\na,,\nb,f,\n,,\nc\nd,,yesterday\ne\"e,,\n,f,2026-01-01\n");
  EXPECT_EQ(read.values(), "a f ");
  EXPECT_EQ(read.bad_numbers(), "3 4 5 6 7 ");
  EXPECT_EQ(read.bad[0].what, "both token and fid are given; a device has one");
  EXPECT_EQ(read.bad[2].what, "1 fields, but the header has 3");
}

// One lost quotation mark must not cost the lines behind it.
TEST(DeviceParser, GivesUpAnUnclosedQuotationMarkAndReadsItsLinesAnew) {
  const Read at_end = parse("token,user\na,\"u\nb,u\nc,u\n");
  EXPECT_EQ(at_end.values(), "b c ");
  EXPECT_EQ(at_end.bad_numbers(), "2 ");
  const Read closed_later = parse("token,user\na,\"u\nb,u\nc,\"u\"\nd,u\n");
  EXPECT_EQ(closed_later.values(), "b c d ");
  EXPECT_EQ(closed_later.bad_numbers(), "2 ");
}

TEST(DeviceParser, GivesUpAnUnclosedQuotationMarkAfterABound) {
  std::string text = "token,user\na,\"u\n";
  for (int i = 0; i < 20'000; ++i) text += "t" + std::to_string(i) + ",u\n";
  const Read read = parse(text);
  EXPECT_EQ(read.devices.size(), 20'000U);
  EXPECT_EQ(read.bad_numbers(), "2 ");
}

TEST(DeviceParser, ReadsJsonLines) {
  const Read read = parse(
      "{\"token\":\"a\",\"user\":17,\"tags\":[\"x\",\"y\"],\"platform\":null,\"more\":{}}\n"
      "\n{\"fid\":\"b\",\"tags\":\"x;y\"}\n{\"token\":\"c\",\"user\":[]}\n{\"token\":\n"
      "[\"d\"]\n{\"token\":\"e\"}");
  EXPECT_EQ(read.values(), "a b e ");
  EXPECT_EQ(read.devices[0].user, "17");
  EXPECT_EQ(read.devices[0].tags, read.devices[1].tags);
  EXPECT_EQ(read.devices[1].registration.kind, TargetKind::fid);
  EXPECT_EQ(read.bad_numbers(), "4 5 6 ");
}

TEST(DeviceParser, RefusesRegistrationsThatCannotBeOne) {
  const std::string text =
      "a b\n" + std::string(4'097, 'x') + "\nt\x01\n\xC3(\n" + std::string(4'096, 'x') + "\n";
  const Read read = parse(text);
  EXPECT_EQ(read.devices.size(), 1U);
  EXPECT_EQ(read.bad_numbers(), "1 2 3 4 ");
}

TEST(DeviceParser, SkipsAnEndlessLineAsOneBadLine) {
  const Read read = parse("a\n" + std::string(max_line_bytes + 1, 'x') + "\nb\n", 1'000);
  EXPECT_EQ(read.values(), "a b ");
  EXPECT_EQ(read.bad_numbers(), "2 ");
}

TEST(DeviceParser, ReadsTheSameByteByByte) {
  for (const std::string text : {"token,user\r\n\"a\",\"x\"\"\r\ny\"\r\nb,\"\r\nc,d\r\n",
                                 "# c\n{\"token\":\"a\"}\n{\n", "\xEF\xBB\xBFplain\nlines\n"}) {
    const Read whole = parse(text);
    const Read bytes = parse(text, 1);
    EXPECT_EQ(whole.values(), bytes.values());
    EXPECT_EQ(whole.bad_numbers(), bytes.bad_numbers());
  }
}

Device a_full_device() {
  Device device = a_token("t:a,\"b\"");
  device.user = " u, \"ü\" ";
  device.platform = "ios";
  device.locale = "ko-KR";
  device.app_version = "1.2";
  device.tags = {"news", "two words"};
  device.project = "p";
  device.last_seen = day0 + 123ms;
  device.state = State::retired;
  device.rule = "token.unregistered";
  return device;
}

void expect_same(const Device& read, const Device& written) {
  EXPECT_EQ(read.registration, written.registration);
  EXPECT_EQ(read.user, written.user);
  EXPECT_EQ(read.platform, written.platform);
  EXPECT_EQ(read.locale, written.locale);
  EXPECT_EQ(read.app_version, written.app_version);
  EXPECT_EQ(read.tags, written.tags);
  EXPECT_EQ(read.project, written.project);
  EXPECT_EQ(read.last_seen, written.last_seen);
  EXPECT_EQ(read.state, written.state);
  EXPECT_EQ(read.rule, written.rule);
}

TEST(DeviceWriter, WritesWhatTheParserReadsBack) {
  Device fid = a_token("f");
  fid.registration.kind = TargetKind::fid;
  const std::vector<Device> devices = {a_full_device(), fid};
  std::string csv(csv_header());
  std::string json;
  for (const Device& device : devices) {
    append_csv(csv, device);
    append_json(json, device);
  }
  for (const std::string& text : {csv, json}) {
    const Read read = parse(text);
    ASSERT_EQ(read.devices.size(), 2U) << text;
    for (std::size_t i = 0; i < 2; ++i) expect_same(read.devices[i], devices[i]);
  }
}

TEST(DeviceWriter, WritesTheContractsMembersWithNullForTheUnknown) {
  std::string line;
  append_json(line, a_token("t"));
  EXPECT_TRUE(line.starts_with(R"({"token":"t","state":"active","platform":null,"user":null,)"
                               R"("rule":null,"last_seen":null,)"))
      << line;
}

TEST(DeviceWriter, KeepsALineReadableWhenAValueIsNotUtf8) {
  Device device = a_token("t");
  device.user = "\xff\n";
  std::string line;
  append_json(line, device);
  EXPECT_NE(line.find("\"user\":\"\xEF\xBF\xBD\\n\""), std::string::npos) << line;
}

}  // namespace
}  // namespace fanfare::registry
