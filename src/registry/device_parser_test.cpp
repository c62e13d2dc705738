#include "registry/device_parser.h"

#include "registry/device_writer.h"
#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

struct Read : DeviceBatch {
  std::optional<Error> failure;

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

Read parse(std::string_view text, std::size_t step = std::string_view::npos,
           ReadOptions options = {}) {
  Read read;
  DeviceParser parser(std::move(options));
  while (!text.empty()) {
    const auto part = text.substr(0, step);
    parser.feed(part, read);
    text.remove_prefix(part.size());
  }
  parser.finish(read);
  read.failure = parser.failure();
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

// Maps and constants ----------------------------------------------------------------------------

ReadOptions with(const std::vector<std::string>& mapped,
                 const std::vector<std::string>& constants = {}) {
  return {.fields = FieldMap::make(mapped, constants).value()};
}

TEST(FieldMap, RefusesWhatItDoesNotKnowAndSaysWhatThereIs) {
  const auto refused = [](std::vector<std::string> mapped, std::vector<std::string> constants) {
    const auto map = FieldMap::make(mapped, constants);
    return map ? std::string() : map.error().what;
  };
  EXPECT_EQ(refused({"tokn=a"}, {}), "--map tokn=a: a device has no tokn");
  EXPECT_EQ(refused({"token"}, {}), "--map token has no '='");
  EXPECT_EQ(refused({"token=a,user=b", "token=c"}, {}), "--map gives token twice");
  EXPECT_EQ(refused({}, {"token=a"}), "--set token=a: no two devices have the same token");
  EXPECT_EQ(refused({"user=a"}, {"user=b"}), "user is given by --map and by --set");
  const auto map = FieldMap::make(std::vector<std::string>{"x=y"}, {});
  EXPECT_TRUE(map.error().remedy.starts_with("the left side is one of token, fid, user, "));
}

TEST(DeviceParser, ReadsAMappedCsv) {
  const Read read = parse("id,Registration_ID,user_id,type,platform\n1,a,7,IOS,x\n", 1,
                          with({"token=registration_id,user=user_id", "platform=type"}));
  ASSERT_EQ(read.values(), "a ");
  EXPECT_EQ(read.devices[0].user, "7");
  EXPECT_EQ(read.devices[0].platform, "ios");
}

TEST(DeviceParser, ReadsMappedMembersOfObjects) {
  const Read read = parse(
      "{\"push\":{\"fcmToken\":\"a\"},\"uid\":12345678901234567890,\"a.b\":\"ko\",\"token\":5,"
      "\"seen\":{\"_seconds\":1700000000},\"live\":false}\n{\"push\":1,\"x\":2}\n",
      1,
      with({"token=push.fcmToken", "user=uid", "locale=a.b", "last_seen=seen._seconds",
            "state=live"}));
  ASSERT_EQ(read.values(), "a ");
  EXPECT_EQ(read.devices[0].user, "12345678901234567890");
  EXPECT_EQ(read.devices[0].locale, "ko");
  EXPECT_EQ(read.devices[0].last_seen, parse_rfc3339("2023-11-14T22:13:20Z"));
  EXPECT_EQ(read.devices[0].state, State::retired);
  EXPECT_EQ(read.bad.at(0).what, "there is no push.fcmToken in it, but push, x");
}

TEST(DeviceParser, SetsConstantsInEveryFormat) {
  for (const std::string text : {"a\n", "token,platform\na,web\n", "{\"token\":\"a\"}\n"}) {
    const Read read = parse(text, 1, with({}, {"platform=ios", "project=p"}));
    ASSERT_EQ(read.values(), "a ") << text;
    EXPECT_EQ(read.devices[0].platform, "ios");
    EXPECT_EQ(read.devices[0].project, "p");
  }
}

TEST(DeviceParser, SaysWhichColumnsThereAreWhenAMapDoesNotFit) {
  const Read missing = parse("id,reg\n1,a\n", 1, with({"token=registration_id"}));
  ASSERT_TRUE(missing.failure);
  EXPECT_EQ(missing.failure->what, "there is no column registration_id that --map names");
  EXPECT_EQ(missing.failure->remedy, "the columns are id, reg");
  const Read unnamed = parse("id,reg\n1,a\n", 1, with({"user=id"}));
  ASSERT_TRUE(unnamed.failure);
  EXPECT_EQ(unnamed.failure->what, "no column is the token or the fid of a device");
  EXPECT_TRUE(unnamed.devices.empty() && unnamed.bad.empty());
}

TEST(DeviceRow, ReadsTimesAsFilesAndDatabasesWriteThem) {
  const auto time = parse_rfc3339("2023-11-14T22:13:20Z").value();
  for (const char* text :
       {"2023-11-14 22:13:20", "2023-11-14T22:13:20", "2023-11-14 22:13:20+00",
        "2023-11-14 23:13:20.000000+01", "2023-11-14 19:43:20-0230", "2023-11-14 22:13:20 UTC",
        "1700000000", "1700000000000", "1700000000.000"}) {
    EXPECT_EQ(parse_file_time(text), time) << text;
  }
  EXPECT_EQ(parse_file_time("2023-11-14 22:13:20.25+00"), time + 250ms);
  EXPECT_EQ(parse_file_time("1700000000250"), time + 250ms);
  EXPECT_EQ(parse_file_time("1700000000.25"), time + 250ms);
  for (const char* text : {"", "-1", "12 May", "17000000000000000", "9300000000", "1700000000x",
                           "1700000000.", "2023-11-14 22:13", "2023-13-14 22:13:20+00"}) {
    EXPECT_FALSE(parse_file_time(text)) << text;
  }
}

// Bad lines, to be mended -------------------------------------------------------------------------

TEST(DeviceParser, KeepsTheTextOfABadLine) {
  const Read read = parse("token,last_seen\na,soon\n\"b\",\"x\ny\"\nc,\"\n");
  ASSERT_EQ(read.bad.size(), 3U);
  EXPECT_EQ(read.bad[0].text, "a,soon");
  EXPECT_EQ(read.bad[1].text, "\"b\",\"x\ny\"");
  EXPECT_EQ(read.bad[1].number, 3U);
  EXPECT_EQ(read.bad[2].text, "c,\"");
}

TEST(DeviceParser, CutsTheTextOfALongBadLine) {
  const Read read = parse("{\"x\":\"" + std::string(max_json_line_bytes, 'x') + "\"}\n", 4096);
  ASSERT_EQ(read.bad.size(), 1U);
  EXPECT_EQ(read.bad[0].text.size(), max_kept_line_bytes);
  EXPECT_EQ(read.bad[0].bytes, max_json_line_bytes + 8);
}

TEST(DeviceParser, SkipsCommentsInEveryFormat) {
  EXPECT_EQ(parse("token,user\n# line 3: a, b\n#x\na,u\n#\n").values(), "a ");
  EXPECT_TRUE(parse("token,user\n# line 3: a, b\n#x\n#\n").bad.empty());
  EXPECT_EQ(parse("{\"token\":\"a\"}\n# line 3\n").bad.size(), 0U);
  // The first column of a record may begin so.
  EXPECT_EQ(parse("user,token\n#7,a\n").values(), "a ");
}

// Going on ----------------------------------------------------------------------------------------

// Cut at each mark, what comes before and what a second run gives behind it are the whole.
TEST(DeviceParser, GoesOnBehindEveryMark) {
  for (const std::string text :
       {"token,user\n\na,u\n\"b\",\"x\"\nbad\n\"c\",\"u\n\nd,\"\"e\",f\"\ng,h\n",
        "# c\n{\"token\":\"a\"}\n{\n{\"token\":\"b\"}\n", "a\nb c\nd\n"}) {
    const Read whole = parse(text);
    for (std::size_t i = 0; i < whole.marks.size(); ++i) {
      const Read rest = parse(text, 3, {.skip = whole.marks[i]});
      std::string values;
      for (std::size_t k = 0; k <= i; ++k) values += whole.devices[k].registration.value + " ";
      EXPECT_EQ(values + rest.values(), whole.values()) << text;
      for (const auto mark : rest.bad_marks) EXPECT_GT(mark, whole.marks[i]);
    }
  }
}

// Writing -----------------------------------------------------------------------------------------

TEST(DeviceWriter, WritesAHistoryThatTheParserReadsBack) {
  Device device = a_token("t");
  device.created = day0;
  device.changed = day0 + 1h;
  device.last_accepted = day0 + 2h;
  const DeviceHistory history{
      .events = {{day0 + 1h, State::active, State::retired, "verdict", "token.unregistered",
                  R"({"status":404,"body":"{\n \"x\": 1.0}"})"}},
      .replaces = {{TargetKind::fid, "old"}},
      .replaced_by = {{TargetKind::token, "new"}}};
  std::string line;
  append_json(line, device, history);
  const Read read = parse(line);
  ASSERT_EQ(read.histories.size(), 1U) << line;
  EXPECT_EQ(read.devices[0].changed, device.changed);
  std::string again;
  append_json(again, read.devices[0], read.histories[0]);
  EXPECT_EQ(again, line);
  for (const char* bad :
       {R"({"token":"a","history":[1]})",
        R"({"token":"a","history":[{"at":"x","from":"active","to":"active"}]})"}) {
    EXPECT_EQ(parse(bad).bad.size(), 1U) << bad;
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
