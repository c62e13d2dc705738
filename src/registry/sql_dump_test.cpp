#include "registry/sql_dump.h"

#include <gtest/gtest.h>

#include "registry/device_parser.h"

namespace fanfare::registry {
namespace {

// Writes down what it is told: "column,column:" when they are, then "value|value " a row and
// "!line: what " a bad one.
class Clerk : public SqlDump::Reader {
 public:
  explicit Clerk(std::string table) : dump(std::move(table), *this) {}

  std::vector<bool> columns(std::span<const std::string> names) override {
    for (const auto& name : names) told += name + ",";
    told.back() = ':';
    return std::vector<bool>(names.size(), true);
  }
  void row(std::span<const std::string> values) override {
    for (const auto& value : values) told += value + "|";
    told.back() = ' ';
  }
  void bad_row(std::string what) override {
    told += "!" + std::to_string(dump.row_line()) + ": " + what + " ";
    statements += dump.row_statement() + "\n";
  }

  std::string told;
  std::string statements;
  SqlDump dump;
};

std::string read(std::string_view text, std::string table = "t",
                 std::size_t step = std::string_view::npos) {
  Clerk clerk(std::move(table));
  while (!text.empty()) {
    const auto part = text.substr(0, step);
    clerk.dump.feed(part);
    text.remove_prefix(part.size());
  }
  clerk.dump.finish();
  return clerk.told;
}

constexpr const char* postgresql =
    "--\n-- PostgreSQL database dump\n--\n\\restrict x\nSET a = 'x;y';\n"
    "CREATE FUNCTION f() RETURNS void AS $_$ INSERT INTO t VALUES ('x'; $_$;\n"
    "COPY public.o (a) FROM stdin;\n1\tINSERT INTO t (a) VALUES (1);\n\\.\n"
    "COPY public.t (a, \"B\") FROM stdin;\n"
    "1\tx\\ty\\\\\\n\\101\\x42\n\\N\t\n3\n\\.\n\n"
    "INSERT INTO public.t (a, b) VALUES (4, 'it''s \\n'), (5, E'a\\nb\\u00e9'), (6, 'x'::text);\n"
    "INSERT INTO other (a, b) VALUES (7, 'no');\n";

TEST(SqlDump, ReadsWhatPgDumpWrites) {
  EXPECT_EQ(read(postgresql),
            "a,b:1|x\ty\\\nAB | !13: 1 values, but the table has 2 columns 4|it's \\n "
            "5|a\nb\xC3\xA9 6|x ");
}

constexpr const char* mysql =
    "-- MySQL dump 10.13\n/*!40101 SET NAMES utf8 */;\n"
    "CREATE TABLE `t` (\n  `id` int DEFAULT '1' COMMENT 'it''s, (a',\n  `name` varchar(9),\n"
    "  PRIMARY KEY (`id`,`name`)\n) ENGINE=InnoDB;\n"
    "INSERT INTO `o` VALUES (1,'),(2');\n"
    "INSERT INTO `t` VALUES (1,'O\\'Brien \\\\'),(2,NULL),(-3.5e+2,_binary 'x\\n'),(4,'a;--')\n"
    ",(5,'');\n"
    "DELIMITER ;;\nCREATE TRIGGER x BEFORE INSERT ON t INSERT INTO t VALUES (9,'no');;\n"
    "DELIMITER ;\n";

TEST(SqlDump, ReadsWhatMysqldumpWrites) {
  EXPECT_EQ(read(mysql), "id,name:1|O'Brien \\ 2| -3.5e+2|x\n 4|a;-- 5| ");
}

TEST(SqlDump, ReadsTheSameByteByByte) {
  for (const char* text : {postgresql, mysql}) EXPECT_EQ(read(text, "t", 1), read(text));
}

TEST(SqlDump, TakesATableWithItsSchemaAndInEitherCase) {
  constexpr const char* text =
      "INSERT INTO \"a\".t (x) VALUES (1);\nINSERT INTO b.\"T\" (x) VALUES (2);\n";
  EXPECT_EQ(read(text, "T"), "x:1 2 ");
  EXPECT_EQ(read(text, "b.t"), "x:2 ");
}

// A row that can't be read must not cost the rows beside it.
TEST(SqlDump, LosesNothingButTheBrokenRow) {
  const std::string mysql_row = "INSERT INTO `t` (a,b) VALUES (1,'a'),(2,'b),(3,'c'),(4,'d');\n";
  EXPECT_EQ(read(mysql_row), "a,b:1|a !1: a quotation mark is missing or too many 3|c 4|d ");
  const std::string last_row =
      "INSERT INTO `t` (a,b) VALUES (1,'a'),(2,'b);\nINSERT INTO `o` VALUES (8,'x'),(9,'y');\n"
      "INSERT INTO `t` (a,b) VALUES (3,'c');\n";
  EXPECT_EQ(read(last_row), "a,b:1|a !1: a quotation mark is never closed 3|c ");
  const std::string standard =
      "INSERT INTO t (a,b) VALUES (1,'a);\nINSERT INTO t (a,b) VALUES (2,'b');\n";
  EXPECT_EQ(read(standard), "a,b:!1: a quotation mark is missing or too many 2|b ");
  EXPECT_EQ(read("INSERT INTO t (a) VALUES (,),(2),(now()),(3 4),(5"),
            "a:!1: a value is missing 2 !1: a is an expression, not a value "
            "!1: a is an expression, not a value !1: the dump breaks off in this row ");
}

TEST(SqlDump, GivesABrokenRowAsAStatementOfItsOwn) {
  Clerk inserts("t");
  inserts.dump.feed("INSERT INTO `t` (a,b) VALUES (1,'a'),(2,'b,'x'),(3,'c');\n");
  EXPECT_EQ(inserts.statements, "INSERT INTO `t` (`a`, `b`) VALUES\n(2,'b,'x');\n");
  Clerk copies("t");
  copies.dump.feed("COPY s.t (a, b) FROM stdin;\n1\tx\n2\\t\n\\.\n");
  EXPECT_EQ(copies.statements, "COPY \"s\".\"t\" (\"a\", \"b\") FROM stdin;\n2\\t\n\\.\n");
}

TEST(SqlDump, BoundsAValueAndGoesOn) {
  const std::string longest(max_sql_value_bytes, 'x');
  for (const std::string& text :
       {"INSERT INTO t (a) VALUES ('" + longest + "'),('" + longest + "x'),('c');\n",
        "COPY t (a) FROM stdin;\n" + longest + "\n" + longest + "x\nc\n\\.\n"}) {
    EXPECT_NE(read(text).find("a is longer than 65536 bytes c "), std::string::npos);
    EXPECT_NE(read(text).find(longest + " "), std::string::npos);
  }
}

// Devices out of a dump -------------------------------------------------------------------------

struct Read : DeviceBatch {
  std::optional<Error> failure;
  [[nodiscard]] std::string values() const {
    std::string text;
    for (const auto& device : devices) text += device.registration.value + " ";
    return text;
  }
};

Read devices_of(std::string_view text, const std::string& map, std::uint64_t skip = 0) {
  Read read;
  const std::vector<std::string> mapped = {map};
  DeviceParser parser({.fields = FieldMap::make(mapped, {}).value(), .table = "t", .skip = skip});
  parser.feed(text, read);
  parser.finish(read);
  read.failure = parser.failure();
  return read;
}

TEST(SqlDump, BecomesDevicesThroughAMap) {
  const Read read = devices_of(
      "INSERT INTO t (reg, kind, on_at, up) VALUES ('a','iOS','2026-01-02 03:04:05.5+00',TRUE),"
      "('b b','web',NULL,TRUE),('c','web','0000-00-00 00:00:00',0);\n",
      "token=reg,platform=kind,last_seen=ON_AT,state=up");
  ASSERT_EQ(read.values(), "a c ");
  EXPECT_EQ(read.devices[0].platform, "ios");
  EXPECT_EQ(read.devices[0].last_seen, parse_rfc3339("2026-01-02T03:04:05.5Z"));
  EXPECT_EQ(read.devices[1].state, State::retired);
  ASSERT_EQ(read.bad.size(), 1U);
  EXPECT_EQ(read.bad[0].what, "the registration contains blanks or control characters");
  EXPECT_EQ(read.marks, (std::vector<std::uint64_t>{1, 3}));
  EXPECT_EQ(read.bad_marks, (std::vector<std::uint64_t>{2}));
}

TEST(SqlDump, SkipsTheRowsThatAnEarlierRunHasDoneWith) {
  constexpr const char* text = "INSERT INTO t (token) VALUES ('a'),('b'),('c');\n";
  EXPECT_EQ(devices_of(text, "user=", 2).values(), "c ");
}

// Columns that nobody reads may hold anything.
TEST(SqlDump, DoesNotBoundAColumnThatIsNotMapped) {
  const std::string text =
      "INSERT INTO t (token, data) VALUES ('a','" + std::string(2U << 20, 'x') + "'),('b','');\n";
  EXPECT_EQ(devices_of(text, "user=").values(), "a b ");
}

TEST(SqlDump, SaysWhatTheDumpHas) {
  constexpr const char* text = "INSERT INTO t (a, b) VALUES (1, 2);\n";
  const Read column = devices_of(text, "token=reg");
  ASSERT_TRUE(column.failure);
  EXPECT_EQ(column.failure->what, "there is no column reg that --map names");
  EXPECT_EQ(column.failure->remedy, "the columns are a, b");
  const Read table = devices_of("INSERT INTO u (a) VALUES (1);\n", "token=a");
  ASSERT_TRUE(table.failure);
  EXPECT_EQ(table.failure->remedy, "it has u");
  const Read nameless = devices_of("INSERT INTO t VALUES (1);\n", "token=a");
  ASSERT_TRUE(nameless.failure);
  EXPECT_EQ(nameless.failure->what, "the dump names no columns of t");
}

}  // namespace
}  // namespace fanfare::registry
