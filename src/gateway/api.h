// The HTTP API's frame: what an operation is, what it is given, how it answers. docs/openapi.json
// describes every operation; a test holds the two against each other.
//
//   request --find_operation--> operation --may this caller?--> handler --Respond--> response
//
// Handlers run on the HTTP thread and must not block: what takes time is posted to the writer or to
// the registry's thread, and the answer is given when it is done.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "fanfare/result.h"

#include "http2/exchange.h"
#include "queue/keys.h"

namespace fanfare::gateway {

/// Who asks: a key, or somebody on this machine while no keys are asked for.
struct Caller {
  std::string actor;                 ///< For the audit log: "key:<id>", "local".
  std::optional<queue::ApiKey> key;  ///< nullopt: may do everything.
  [[nodiscard]] bool may(queue::Scope scope) const noexcept;
  /// `project` empty: something that belongs to none, which a key bound to projects may not.
  [[nodiscard]] bool may_use(std::string_view project) const noexcept;
};

/// One request that may be served.
struct Call {
  http2::Request request;
  std::map<std::string, std::string, std::less<>> path;   ///< "project", "device", …; decoded.
  std::map<std::string, std::string, std::less<>> query;  ///< Decoded.
  Caller caller;
  std::string request_id;  ///< In x-request-id of the answer, in logs, in the audit log.
  /// The part `name` of the path; it is there when the operation's pattern names it.
  [[nodiscard]] const std::string& part(std::string_view name) const;
};

/// Gives the answer: exactly once, on the HTTP thread.
using Respond = std::move_only_function<void(http2::Response)>;

// What an answer looks like
// ------------------------------------------------------------------------

/// Every refusal:
/// {"error":{"code":404,"status":"NOT_FOUND","message":"…","remedy":"…","field":"…"}}. The same
/// shape as Google's APIs, so that clients which read those read these.
struct Refusal {
  int code = 400;
  std::string_view status = "INVALID_ARGUMENT";  ///< Of google.rpc.Code.
  std::string message;                           ///< What is wrong, and where.
  std::string remedy = {};
  std::string field = {};  ///< "messages[3].target.token"; empty: none.
  std::optional<std::uint32_t> retry_after_s = {};
};
[[nodiscard]] http2::Response refuse(const Refusal& refusal);
/// What a failure of ours is to a caller: storage is 503 with Retry-After, input and usage are 400.
[[nodiscard]] http2::Response refuse(const Error& error);
[[nodiscard]] http2::Response answer(int status, const boost::json::value& body);
[[nodiscard]] http2::Response no_content();

// Reading a body
// -----------------------------------------------------------------------------------

/// A JSON object as the body. Refuses what is no JSON, no UTF-8, no object, nested deeper than 64,
/// or names a field twice.
[[nodiscard]] std::expected<boost::json::object, Refusal> read_object(
    const http2::Request& request);
/// The same for any text; `where` names it in refusals ("body", "line 3").
[[nodiscard]] std::expected<boost::json::object, Refusal> read_object(std::string_view text,
                                                                      std::string_view where);

/// Takes fields out of an object one by one. The first thing that is wrong is kept, with the
/// field's full name; what was not asked for is wrong as well. Ask refusal() at the end.
class Fields {
 public:
  /// `prefix` is put before names in refusals: "messages[3]."; views the object.
  explicit Fields(const boost::json::object& object, std::string prefix = {});

  [[nodiscard]] bool has(std::string_view name) const;        ///< Given, and not null.
  [[nodiscard]] bool is_object(std::string_view name) const;  ///< Given, and an object.
  [[nodiscard]] std::string text(std::string_view name, std::size_t max_bytes = 1024);
  [[nodiscard]] std::optional<std::string> optional_text(std::string_view name,
                                                         std::size_t max_bytes = 1024);
  [[nodiscard]] std::string required_text(std::string_view name, std::size_t max_bytes = 1024);
  [[nodiscard]] bool flag(std::string_view name, bool otherwise = false);
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view name, std::uint64_t max);
  [[nodiscard]] std::optional<SystemTime> time(std::string_view name);  ///< RFC 3339.
  [[nodiscard]] std::vector<std::string> texts(std::string_view name,
                                               std::size_t max_count = 1'000);
  [[nodiscard]] const boost::json::object* object(std::string_view name);
  [[nodiscard]] const boost::json::array* array(std::string_view name);

  void refuse(std::string_view name, std::string message, std::string remedy = {});
  /// What was not asked for is no fault: for forms of others, which take anything.
  void allow_unknown() noexcept { unknown_allowed_ = true; }
  /// What was wrong first; after this no further fields may be asked for.
  [[nodiscard]] std::optional<Refusal> refusal();

 private:
  const boost::json::value* take(std::string_view name);

  const boost::json::object* object_;
  std::string prefix_;
  std::vector<std::string> asked_;
  std::optional<Refusal> refusal_;
  bool unknown_allowed_ = false;
};

// Operations
// ---------------------------------------------------------------------------------------

using Handler = std::function<void(Call, Respond)>;

struct Operation {
  std::string_view id;      ///< operationId of the OpenAPI document: "registerDevice".
  std::string_view method;  ///< "GET".
  /// "/v1/projects/{project}/devices/{device}:retire". A part in braces is one segment of the path,
  /// percent-decoded, without what follows its last ':' when the pattern says what that is.
  std::string_view pattern;
  std::optional<queue::Scope> scope;  ///< nullopt: anybody.
  Handler handle;
  /// Without {project} in the pattern it belongs to all projects, and a key that is bound to some
  /// may not call it; unless it looks itself which the caller may use.
  bool looks_at_projects = false;
};

/// All operations, and the way from a request to one of them.
class Operations {
 public:
  void add(Operation operation);
  void add(std::vector<Operation> operations);
  [[nodiscard]] const std::vector<Operation>& all() const noexcept { return operations_; }

  struct Found {
    const Operation* operation = nullptr;  ///< Null: see `refusal`.
    std::map<std::string, std::string, std::less<>> path;
    std::map<std::string, std::string, std::less<>> query;
    Refusal refusal;  ///< 404, 405 (with what is allowed), 400 for a path that can't be read.
    std::string allow;
  };
  [[nodiscard]] Found find(std::string_view method, std::string_view target) const;

 private:
  std::vector<Operation> operations_;
};

/// Percent-decoded; nullopt when malformed or not UTF-8, or with a control character.
[[nodiscard]] std::optional<std::string> decode_percent(std::string_view text, bool plus_is_blank);

}  // namespace fanfare::gateway
