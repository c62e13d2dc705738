#include "delivery/report.h"

#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "delivery/evidence.h"

namespace fanfare::delivery {
namespace {

class ReportFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "fanfare-report-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ / "r.jsonl";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
  std::filesystem::path path_;
};

Verdict gone() {
  Verdict verdict;
  verdict.kind = VerdictKind::device_gone;
  verdict.rule = "token.unregistered";
  verdict.fault_domain = FaultDomain::device;
  verdict.code = "UNREGISTERED";
  return verdict;
}

TEST_F(ReportFile, WritesTheLineOfTheContract) {
  auto report = Report::open(path_, 0);
  ASSERT_TRUE(report);
  report->add({TargetKind::token, "a\"b"}, gone(), 404, 1);
  ASSERT_TRUE(report->flush());
  EXPECT_EQ(
      read_file(path_),
      R"({"target":{"token":"a\"b"},"verdict":"device_gone","rule":"token.unregistered",)"
      R"("fault_domain":"device","code":"UNREGISTERED","status":404,"attempts":1,"name":null})"
      "\n");
  EXPECT_EQ(report->bytes(), read_file(path_)->size());
}

TEST_F(ReportFile, CutsWhatWasNotRecorded) {
  ASSERT_TRUE(write_file(path_, "one\ntwo\nhalf a li"));
  auto report = Report::open(path_, 8);
  ASSERT_TRUE(report);
  report->add_lines("three\n");
  ASSERT_TRUE(report->flush());
  EXPECT_EQ(read_file(path_), "one\ntwo\nthree\n");
  EXPECT_EQ(report->bytes(), 14U);
}

TEST_F(ReportFile, RefusesAnotherFileThanTheInterruptedOne) {
  ASSERT_TRUE(write_file(path_, "short\n"));
  const auto report = Report::open(path_, 100);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, Error::Kind::storage);
  EXPECT_EQ(read_file(path_), "short\n");
}

TEST_F(ReportFile, SaysWhenThePlaceCannotBeWritten) {
  const auto report = Report::open(folder_ / "no" / "r", 0);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().what.find("can't write the report"), std::string::npos);
  EXPECT_FALSE(report.error().remedy.empty());
}

TEST(Evidence, KeepsTheRawAnswerAndStaysSmall) {
  Answer answer;
  answer.status = 404;
  answer.body = "{\"e\":1}\xff";
  EXPECT_EQ(make_evidence(answer, 2, 7),
            "{\"status\":404,\"body\":\"{\\\"e\\\":1}\uFFFD\",\"attempts\":2,\"campaign\":7}");
  answer.body = std::string(1'000'000, 'x');
  EXPECT_LT(make_evidence(answer, 1, 1).size(), 5'000U);
}

}  // namespace
}  // namespace fanfare::delivery
