#include "oauth/subject_token.h"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "base/file.h"
#include "oauth/endpoint_url.h"
#include "oauth/json_fields.h"

namespace fanfare::oauth {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr std::size_t max_subject_bytes = 64U << 10;
constexpr milliseconds shortest_timeout{5'000};
constexpr milliseconds longest_timeout{120'000};
constexpr std::string_view allow_variable = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES";
constexpr std::string_view id_token_type = "urn:ietf:params:oauth:token-type:id_token";
constexpr std::string_view jwt_type = "urn:ietf:params:oauth:token-type:jwt";
constexpr std::string_view saml_type = "urn:ietf:params:oauth:token-type:saml2";

std::unexpected<Error> malformed(std::string_view path, std::string_view fault) {
  return fail(Error::Kind::input, fmt::format("credentials file {}: {}", path, fault),
              "create the file again: gcloud iam workload-identity-pools create-cred-config");
}

std::unexpected<TokenError> failure(std::string what, std::string remedy = {}) {
  return std::unexpected(TokenError{TokenFault::configuration, std::move(what), std::move(remedy)});
}

Result<SubjectFormat> parse_format(const json::object& source, std::string_view path) {
  const auto* format = object_of(source, "format");
  if (format == nullptr) return SubjectFormat{};
  const auto type = text_of(*format, "type");
  if (type.empty() || type == "text") return SubjectFormat{};
  if (type != "json") return malformed(path, "the format is neither \"text\" nor \"json\"");
  const auto field = text_of(*format, "subject_token_field_name");
  if (field.empty()) {
    return malformed(path, "the format is \"json\", but subject_token_field_name is missing");
  }
  return SubjectFormat{std::string(field)};
}

Result<SubjectSource> parse_url_source(const json::object& source, std::string_view path,
                                       SubjectFormat format) {
  UrlSubject subject;
  subject.url = text_of(source, "url");
  subject.format = std::move(format);
  if (!is_safe_local_url(subject.url)) {
    return malformed(path,
                     "\"credential_source.url\" is not an https URL (http is taken to this machine "
                     "and to the metadata address 169.254.169.254 only)");
  }
  const auto* headers = object_of(source, "headers");
  for (const auto& [name, value] : headers != nullptr ? *headers : json::object()) {
    const auto* text = value.if_string();
    if (text == nullptr || !fits_a_header({name.data(), name.size()}) ||
        text->find_first_of("\r\n") != json::string::npos) {
      return malformed(path, "\"credential_source.headers\" holds something that is no header");
    }
    std::string lower(name.data(), name.size());
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    subject.headers.push_back({std::move(lower), Secret(std::string(text->data(), text->size()))});
  }
  return subject;
}

Result<SubjectSource> parse_command_source(const json::object& executable, std::string_view path,
                                           const SubjectContext& context,
                                           const Environment& environment) {
  // Whoever can write the file could otherwise run anything as us; Google's rule.
  if (environment(std::string(allow_variable)).value_or("") != "1") {
    return fail(
        Error::Kind::credentials,
        fmt::format("credentials file {} wants to run a program, which is not allowed", path),
        fmt::format("look at the program, then set {}=1", allow_variable));
  }
  CommandSubject subject;
  subject.command.argv = split_command(text_of(executable, "command"));
  if (subject.command.argv.empty() || subject.command.argv.front().empty()) {
    return malformed(path, "\"credential_source.executable.command\" is no command");
  }
  if (const auto* timeout = executable.if_contains("timeout_millis")) {
    const auto* count = timeout->if_int64();
    if (count == nullptr || *count < shortest_timeout.count() || *count > longest_timeout.count()) {
      return malformed(path, "\"timeout_millis\" is not a number from 5000 to 120000");
    }
    subject.command.timeout = milliseconds(*count);
  }
  subject.output_file = text_of(executable, "output_file");
  auto& variables = subject.command.environment;
  variables = {{"GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE", context.audience},
               {"GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE", context.token_type},
               {"GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE", "0"}};
  if (!context.impersonated_email.empty()) {
    variables.emplace_back("GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL",
                           context.impersonated_email);
  }
  if (!subject.output_file.empty()) {
    variables.emplace_back("GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE", subject.output_file);
  }
  return subject;
}

// A trailing line break is the shell's, not the token's.
std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

// Null when the text is no JSON object.
std::unique_ptr<json::object> parse_object(std::string_view text) {
  boost::system::error_code error;
  auto document = json::parse({text.data(), text.size()}, error);
  if (error || !document.is_object()) return nullptr;
  return std::make_unique<json::object>(std::move(document.get_object()));
}

std::expected<Secret, TokenError> subject_of_file(const FileSubject& source) {
  const auto text = read_file(source.path, max_subject_bytes);
  if (!text) {
    return failure(fmt::format("the subject token can't be read: {}", text.error().what),
                   "check that whatever writes this file is running");
  }
  return read_subject(*text, source.format, fmt::format("the file {}", source.path));
}

std::expected<Secret, TokenError> subject_of_url(const UrlSubject& source,
                                                 const TokenReply& reply) {
  constexpr std::string_view place = "the subject token's URL";
  if (!reply.answered) {
    return std::unexpected(std::get<TokenError>(unreachable(place, reply).state));
  }
  if (reply.status >= 500 || reply.status == 429) {
    return std::unexpected(
        TokenError{TokenFault::service,
                   fmt::format("{} is unavailable (status {})", place, reply.status), ""});
  }
  if (reply.status != 200) {
    return failure(
        fmt::format("{} ({}) answered with status {}", place, host_of(source.url), reply.status),
        "check url and headers of credential_source");
  }
  return read_subject(reply.body, source.format, place);
}

std::expected<Secret, TokenError> subject_of_run(const TokenReply& reply) {
  if (!reply.answered) {
    return failure(fmt::format("the program for the subject token: {}", reply.reason),
                   "run it by hand; credential_source.executable names it");
  }
  // AIP-4117: a failure is told on standard output, with any exit status.
  if (reply.status != 0 && !parse_object(reply.body)) {
    return failure(
        fmt::format("the program for the subject token ended with status {}", reply.status),
        "run it by hand; credential_source.executable names it");
  }
  return read_command_output(reply.body, reply.received_at);
}

// The program's latest answer, when it left one that still serves; anything else means: run it.
std::optional<Secret> kept_output(const std::string& path, SystemTime now) {
  if (path.empty()) return std::nullopt;
  const auto text = read_file(path, max_subject_bytes);
  if (!text) return std::nullopt;
  const auto object = parse_object(*text);
  if (!object || !object->contains("expiration_time")) return std::nullopt;
  auto subject = read_command_output(*text, now);
  if (!subject) return std::nullopt;
  return *std::move(subject);
}

Progress go_on(const std::expected<Secret, TokenError>& subject, SystemTime now,
               const std::function<Progress(const Secret&, SystemTime)>& use) {
  if (!subject) return {subject.error()};
  return use(*subject, now);
}

std::string_view kind_of(const json::object& source) {
  if (source.contains("environment_id")) return "AWS";
  return source.contains("certificate") ? "an X.509 certificate" : "";
}

}  // namespace

std::vector<std::string> split_command(std::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  bool quoted = false;
  for (const char c : line) {
    if (c == '\0') return {};
    if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == ' ' || c == '\t' || c == '\n')) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c != '"') words.back() += c;
  }
  if (quoted) return {};
  return words;
}

Result<SubjectSource> parse_subject_source(const json::object& file, std::string_view path,
                                           const SubjectContext& context,
                                           const Environment& environment) {
  const auto* source = object_of(file, "credential_source");
  if (source == nullptr) return malformed(path, "the field \"credential_source\" is missing");
  if (const auto kind = kind_of(*source); !kind.empty()) {
    return fail(Error::Kind::credentials,
                fmt::format("credentials file {} takes its subject token from {}, which is not "
                            "supported",
                            path, kind),
                "let a program or another service write the token to a file and use a file "
                "source, or use a service account's key");
  }
  auto format = parse_format(*source, path);
  if (!format) return std::unexpected(std::move(format).error());
  if (const auto file_path = text_of(*source, "file"); !file_path.empty()) {
    return FileSubject{std::string(file_path), *std::move(format)};
  }
  if (source->contains("url")) return parse_url_source(*source, path, *std::move(format));
  if (const auto* executable = object_of(*source, "executable")) {
    return parse_command_source(*executable, path, context, environment);
  }
  return malformed(path, "\"credential_source\" names no file, url or executable");
}

std::expected<Secret, TokenError> read_subject(std::string_view text, const SubjectFormat& format,
                                               std::string_view place) {
  auto token = trimmed(text);
  std::unique_ptr<json::object> object;
  if (!format.json_field.empty()) {
    object = parse_object(text);
    if (!object) return failure(fmt::format("{} does not hold a JSON object", place));
    token = text_of(*object, format.json_field);
    if (token.empty()) {
      return failure(
          fmt::format("{} has no text in the field \"{}\"", place, quote_safely(format.json_field)),
          "correct subject_token_field_name");
    }
  }
  if (token.empty()) return failure(fmt::format("{} holds no subject token", place));
  return Secret(std::string(token));
}

std::expected<Secret, TokenError> read_command_output(std::string_view text, SystemTime now) {
  constexpr std::string_view program = "the program for the subject token";
  const auto output = parse_object(text);
  if (!output) return failure(fmt::format("{} did not print a JSON object", program));
  const auto* version = output->if_contains("version");
  const auto* success = output->if_contains("success");
  if (version == nullptr || !version->is_int64() || version->get_int64() != 1) {
    return failure(fmt::format("{} printed an answer that is not of version 1", program));
  }
  if (success == nullptr || !success->is_bool()) {
    return failure(fmt::format("{} printed an answer without \"success\"", program));
  }
  if (!success->get_bool()) {
    return failure(refusal_text(fmt::format("{} reports a failure", program),
                                text_of(*output, "code"), text_of(*output, "message")));
  }
  const auto type = text_of(*output, "token_type");
  if (type != id_token_type && type != jwt_type && type != saml_type) {
    return failure(fmt::format("{} printed a token_type that is not known", program));
  }
  if (const auto* expiration = output->if_contains("expiration_time")) {
    const auto* seconds = expiration->if_int64();
    if (seconds == nullptr || *seconds < 0) {
      return failure(fmt::format("{} printed an expiration_time that is no time", program));
    }
    if (*seconds <= std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count()) {
      return failure(fmt::format("{} printed a token that has expired", program),
                     "let it fetch a new one, and check this machine's clock");
    }
  }
  const auto token = text_of(*output, type == saml_type ? "saml_response" : "id_token");
  if (token.empty()) return failure(fmt::format("{} printed no token", program));
  return Secret(std::string(token));
}

Progress with_subject(const SubjectSource& source, SystemTime now,
                      std::function<Progress(const Secret&, SystemTime)> use) {
  if (const auto* file = std::get_if<FileSubject>(&source)) {
    return go_on(subject_of_file(*file), now, use);
  }
  if (const auto* url = std::get_if<UrlSubject>(&source)) {
    TokenRequest request;
    request.method = "GET";
    request.url = url->url;
    request.headers = url->headers;
    return {Step{std::move(request), [url = *url, use = std::move(use)](const TokenReply& reply) {
                   return go_on(subject_of_url(url, reply), reply.received_at, use);
                 }}};
  }
  const auto& command = std::get<CommandSubject>(source);
  if (const auto kept = kept_output(command.output_file, now)) return use(*kept, now);
  return {Step{command.command, [use = std::move(use)](const TokenReply& reply) {
                 return go_on(subject_of_run(reply), reply.received_at, use);
               }}};
}

}  // namespace fanfare::oauth
