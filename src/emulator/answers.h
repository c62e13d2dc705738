// Every answer the emulator can give to a message, as values. Bodies follow captured ones,
// order of `details` included.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/time_text.h"
#include "emulator/fault.h"
#include "emulator/schema.h"
#include "emulator/texts.h"
#include "http2/exchange.h"
#include "http2/mishap.h"

namespace fanfare::emulator {

struct Answer {
  int status = 200;
  boost::json::object body;
  std::string html;  ///< In place of a JSON body; Google's front end speaks HTML.
  bool no_body = false;
  std::string_view fcm_code;  ///< FcmError's errorCode; empty when the answer has none.
  http2::Headers headers;     ///< Beyond those that every answer has.
  /// How it fails on its way; with status 0 there is no answer at all.
  std::optional<http2::Mishap> mishap;
  Fault fault = Fault::none;  ///< The network's or the answer's own, for the books.
  /// What the answer would have been, when all was done before it was spoilt.
  std::string spoilt;
};

/// How the books name the answer: "200", "404 UNREGISTERED", "404", "cut", "silence"; one that was
/// spoilt after the request was processed "cut_after 200", with what it would have been.
[[nodiscard]] std::string kind_of(const Answer& answer);

/// FCM counts acceptances and client errors against the project's quota, but not a 429 ("Throttling
/// and quotas").
[[nodiscard]] bool counts_for_quota(const Answer& answer);

/// What an error says of itself; empty for what it does not say.
struct Blame {
  std::string_view text;
  std::string_view field;  ///< The first field violated, else APNs's reason.
};
[[nodiscard]] Blame blame_of(const Answer& answer);

/// Those that every answer of a second has.
struct CommonHeaders {
  std::shared_ptr<const http2::Headers> of_json;
  std::shared_ptr<const http2::Headers> of_html;

  explicit CommonHeaders(std::string_view date);
};

/// As it goes on the wire: pretty-printed with two spaces unless the request said otherwise.
[[nodiscard]] http2::Response render(const Answer& answer, bool pretty,
                                     const CommonHeaders& common);

/// JSON text as Google lays it out.
[[nodiscard]] std::string pretty_print(const boost::json::value& value);

// --- 200 ---
[[nodiscard]] Answer accepted(std::string_view name);

// --- 400 ---
[[nodiscard]] Answer malformed_json(std::string_view body, std::size_t where);
[[nodiscard]] Answer schema_faults(std::span<const FieldFault> faults);
[[nodiscard]] Answer invalid_field(std::string_view field, std::string_view text);
[[nodiscard]] Answer bad_registration(std::string_view field, Texts texts = {});
[[nodiscard]] Answer reserved_key(std::string_view key);
[[nodiscard]] Answer too_large(Texts texts = {});
[[nodiscard]] Answer bare_invalid_argument();
[[nodiscard]] Answer apns_disabled();

// --- 401 ---
[[nodiscard]] Answer missing_credentials();
[[nodiscard]] Answer invalid_credentials();
[[nodiscard]] Answer expired_credentials();
[[nodiscard]] Answer third_party_auth(Texts texts = {});

// --- 403 ---
[[nodiscard]] Answer sender_mismatch();
[[nodiscard]] Answer permission_denied(std::string_view project);
[[nodiscard]] Answer api_disabled(std::string_view project_number);
[[nodiscard]] Answer scope_insufficient();

// --- 404 ---
[[nodiscard]] Answer unregistered(Texts texts = {});
[[nodiscard]] Answer apns_unregistered();
[[nodiscard]] Answer bare_not_found();
[[nodiscard]] Answer html_not_found(std::string_view path);

// --- 409 ---
[[nodiscard]] Answer already_exists();

// --- topic subscriptions over a limit; no capture exists ---
[[nodiscard]] Answer too_many_topics();
[[nodiscard]] Answer subscription_quota();

// --- 429 and 5xx ---
[[nodiscard]] Answer project_quota(std::string_view project_number, std::uint64_t limit);
[[nodiscard]] Answer device_quota();
[[nodiscard]] Answer topic_quota(std::string_view topic);
[[nodiscard]] Answer unavailable();
[[nodiscard]] Answer internal_error();
[[nodiscard]] Answer html_bad_gateway();
[[nodiscard]] Answer html_unavailable();

// --- 200 from somebody else ---
[[nodiscard]] Answer html_welcome();

/// The older hosts speak no google.rpc: {"error":"…"}.
[[nodiscard]] Answer flat_error(int status, std::string_view error);

/// Adds Retry-After, in seconds or as a date.
[[nodiscard]] Answer with_retry_after(Answer answer, std::chrono::seconds wait, bool as_date,
                                      SystemTime now);

/// The connection closes without a word.
[[nodiscard]] Answer cut_connection();

/// No answer; what happens instead.
[[nodiscard]] Answer no_answer(Fault fault, http2::Mishap mishap);

}  // namespace fanfare::emulator
