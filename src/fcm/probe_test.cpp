#include "fcm/probe.h"

#include <string>

#include <gtest/gtest.h>

#include "fcm/rules.h"

namespace fanfare::fcm {
namespace {

Verdict verdict_of(std::string_view rule) {
  Verdict verdict = make_verdict(*find_rule(rule));
  verdict.text = std::string(rule) + " said";
  return verdict;
}

std::string settled(std::string_view probe, bool passes_elsewhere = true) {
  return std::string(
      settle_suspect(verdict_of("token.suspect"), verdict_of(probe), passes_elsewhere).rule);
}

TEST(Probe, SendsAnEmptyMessageThatIsNotDelivered) {
  std::string body;
  probe_message().append_body({TargetKind::token, "t:1"}, body);
  EXPECT_NE(body.find(R"("message":{"token":"t:1"})"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("validate_only":true)"), std::string::npos) << body;
}

TEST(Probe, WhatNamesTheDeviceIsAboutTheDevice) {
  EXPECT_EQ(settled("token.unregistered"), "token.probe_unregistered");
  EXPECT_EQ(settled("token.malformed"), "token.probe_malformed");
  EXPECT_EQ(settled("token.sender_id_mismatch"), "token.probe_sender_id_mismatch");
  // That needs no other device as a witness.
  EXPECT_EQ(settled("token.unregistered", false), "token.probe_unregistered");
}

TEST(Probe, APassBlamesTheMessageInTheWordsOfItsRefusal) {
  const Verdict verdict =
      settle_suspect(verdict_of("token.suspect"), verdict_of("send.accepted"), false);
  EXPECT_EQ(verdict.rule, "message.probe_passed");
  EXPECT_EQ(verdict.kind, VerdictKind::message_invalid);
  EXPECT_EQ(verdict.text, "token.suspect said");
}

TEST(Probe, ASecondSilentRefusalNeedsAWitness) {
  EXPECT_EQ(settled("token.suspect", true), "token.probe_refused");
  EXPECT_EQ(settled("token.suspect", false), "token.suspect");
}

TEST(Probe, NothingElseProvesAnything) {
  for (const Rule& rule : rule_table) {
    switch (rule.kind) {
      case VerdictKind::accepted:
      case VerdictKind::device_gone:
      case VerdictKind::device_malformed:
      case VerdictKind::device_foreign:
      case VerdictKind::device_suspect:
        continue;
      default:
        EXPECT_EQ(settled(rule.id), "token.suspect") << rule.id;
    }
  }
}

}  // namespace
}  // namespace fanfare::fcm
