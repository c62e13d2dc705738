// Claims about every answer there can be, tried on random ones.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "fanfare/verdict.h"

#include "fcm/rules.h"

namespace fanfare {
namespace {

const auto any_target =
    rc::gen::element(TargetKind::token, TargetKind::fid, TargetKind::topic, TargetKind::condition);

const auto any_status = rc::gen::weightedOneOf<int>(
    {{3, rc::gen::element(200, 400, 401, 403, 404, 409, 410, 429, 500, 502, 503, 504)},
     {1, rc::gen::inRange(-10, 700)}});

// Envelopes that are right in shape and wrong in everything else, without any word that may
// accuse a device.
const auto innocent_detail = rc::gen::element<std::string>(
    R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED"})",
    R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"UNREGISTERED"})",
    R"({"@type":"type.googleapis.com/google.rpc.BadRequest"})",
    R"({"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"message.data.token","description":"d"}]})",
    R"({"@type":"type.googleapis.com/google.rpc.Help","errorCode":"UNREGISTERED"})",
    R"({"errorCode":"UNREGISTERED"})", "7", "null", R"(["FcmError"])");

const auto innocent_envelope = rc::gen::map(
    rc::gen::pair(rc::gen::element<std::string>("NotRegistered", "SenderId mismatch",
                                                "Requested entity was not found.", "UNREGISTERED",
                                                "Request contains an invalid argument."),
                  rc::gen::container<std::vector<std::string>>(innocent_detail)),
    [](const std::pair<std::string, std::vector<std::string>>& parts) {
      return fmt::format(R"({{"error":{{"status":"NOT_FOUND","message":"{}","details":[{}]}}}})",
                         parts.first, fmt::join(parts.second, ","));
    });

const auto any_text = rc::gen::oneOf(rc::gen::arbitrary<std::string>(), innocent_envelope);

Answer answer(int status, std::string body, std::string retry_after = {}) {
  return {.transport = Answer::Transport::answered,
          .status = status,
          .body = std::move(body),
          .retry_after = std::move(retry_after),
          .received_at = {},
          .reason = {}};
}

RC_GTEST_PROP(JudgeProperty, NoDeviceIsRetiredWithoutEvidenceThatNamesIt, ()) {
  const Verdict verdict = judge(answer(*any_status, *any_text), *any_target);
  RC_ASSERT(verdict.action != Action::retire_device);
}

RC_GTEST_PROP(JudgeProperty, EveryVerdictIsARowOfTheTable, ()) {
  const Verdict verdict =
      judge(answer(*any_status, *any_text, *rc::gen::arbitrary<std::string>()), *any_target);
  const fcm::Rule* row = fcm::find_rule(verdict.rule);
  RC_ASSERT(row != nullptr);
  RC_ASSERT(verdict.kind == row->kind);
  RC_ASSERT(verdict.fault_domain == row->domain);
  RC_ASSERT(verdict.action == action_of(row->kind));
  RC_ASSERT(verdict.text.size() <= 512U);
}

// Whatever FCM says of devices: cutting the body anywhere never turns another verdict into a death.
RC_GTEST_PROP(JudgeProperty, ACutBodyRetiresNobody, ()) {
  const std::string whole =
      R"({"error":{"code":404,"message":"Requested entity was not found.","details":[)"
      R"({"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError",)"
      R"("errorCode":"UNREGISTERED"}]}})";
  const auto size = *rc::gen::inRange<std::size_t>(0, whole.size());
  const Verdict verdict = judge(answer(404, whole.substr(0, size)), TargetKind::token);
  RC_ASSERT(verdict.kind == VerdictKind::project_blocked);
}

}  // namespace
}  // namespace fanfare
