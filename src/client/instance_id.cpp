#include "fanfare/instance_id.h"

#include <utility>

#include "client/api_calls.h"
#include "client/instance_info.h"
#include "fcm/instance_calls.h"
#include "fcm/rules.h"

namespace fanfare {

client::OtherCall client::instance_info_call() {
  return {.fill =
              [](const std::string&, const Target& target, http2::Request& request) {
                request.method = "GET";
                request.path = fcm::instance_path(target.value);
                add_access_token_auth(request);
              },
          .judge = fcm::judge_instance};
}

namespace {

// A batch travels as one target whose value is its tokens, each followed by a line end; that a
// token has none is seen to where the batch is made.
std::vector<std::string> tokens_of(const std::string& lines) {
  std::vector<std::string> tokens;
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = lines.find('\n', begin);
    tokens.push_back(lines.substr(begin, end - begin));
    begin = end + 1;
  }
  return tokens;
}

client::OtherCall import_call(const InstanceId::ApnsApp& app) {
  return {.fill =
              [app](const std::string&, const Target& batch, http2::Request& request) {
                request.path = fcm::apns_import_path();
                request.body =
                    fcm::apns_import_body(app.bundle_id, app.sandbox, tokens_of(batch.value));
                client::add_access_token_auth(request);
              },
          .judge = [](const Answer& answer, TargetKind) { return fcm::judge_apns_import(answer); }};
}

std::optional<Target> next_batch(const std::function<std::optional<std::string>()>& next) {
  std::string lines;
  for (std::size_t count = 0; count < fcm::apns_import_batch; ++count) {
    auto token = next();
    if (!token) break;
    std::erase(*token, '\n');
    lines += *token + '\n';
  }
  if (lines.empty()) return std::nullopt;
  return Target{TargetKind::topic, std::move(lines)};
}

}  // namespace

struct InstanceId::Impl {
  client::ApiCalls calls;
};

Result<InstanceId> InstanceId::open(const ClientOptions& options) {
  auto calls = client::ApiCalls::open(options, client::instance_id_api);
  if (!calls) return std::unexpected(calls.error());
  return InstanceId(std::make_unique<Impl>(Impl{*std::move(calls)}));
}

InstanceId::InstanceId(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
InstanceId::InstanceId(InstanceId&&) noexcept = default;
InstanceId& InstanceId::operator=(InstanceId&&) noexcept = default;
InstanceId::~InstanceId() = default;

Reply<InstanceInfo> InstanceId::describe(const std::string& token) {
  auto outcome = impl_->calls.one(client::instance_info_call(), {TargetKind::token, token});
  if (!outcome.accepted()) return std::unexpected(std::move(outcome));
  return fcm::parse_instance(outcome.answer.body).value_or(InstanceInfo{});
}

void InstanceId::describe_each(
    const std::function<std::optional<std::string>()>& next,
    const std::function<void(const Outcome&, const InstanceInfo&)>& on_described) {
  impl_->calls.each(
      client::instance_info_call(),
      [&]() -> std::optional<Target> {
        auto token = next();
        if (!token) return std::nullopt;
        return Target{TargetKind::token, std::move(*token)};
      },
      [&](const Outcome& outcome) {
        const auto info = outcome.accepted() ? fcm::parse_instance(outcome.answer.body)
                                             : Result<InstanceInfo>(InstanceInfo{});
        on_described(outcome, info.value_or(InstanceInfo{}));
      });
}

void InstanceId::import_apns_each(
    const ApnsApp& app, const std::function<std::optional<std::string>()>& next,
    const std::function<void(const Outcome&, const ImportedToken&)>& on_imported) {
  const auto enter = [&](Outcome outcome) {
    const auto asked = tokens_of(outcome.target.value);
    std::vector<ImportedToken> ends;
    if (outcome.accepted()) {
      ends = fcm::parse_apns_import(outcome.answer.body).value_or(std::vector<ImportedToken>{});
      if (ends.size() != asked.size()) {
        outcome.verdict = make_verdict(fcm::rule("api.unreadable"));
        ends.clear();
      }
    }
    for (std::size_t i = 0; i < asked.size(); ++i) {
      ImportedToken end = ends.empty() ? ImportedToken{} : std::move(ends[i]);
      end.apns_token = asked[i];
      on_imported(outcome, end);
    }
  };
  impl_->calls.each(import_call(app), [&] { return next_batch(next); }, enter);
}

const std::vector<std::string>& InstanceId::warnings() const noexcept {
  return impl_->calls.warnings();
}

}  // namespace fanfare
