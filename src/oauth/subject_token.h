// The subject token: what another identity provider says about this program (workload identity
// federation). Where it comes from is the file's `credential_source`; what it looks like there is
// either the bare text or one field of a JSON object (AIP-4117).
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/object.hpp>

#include "fanfare/result.h"

#include "oauth/credential.h"
#include "oauth/credentials_file.h"

namespace fanfare::oauth {

struct SubjectFormat {
  std::string json_field;  ///< Empty: the bare text.
};

struct FileSubject {
  std::string path;
  SubjectFormat format;
};

struct UrlSubject {
  std::string url;
  std::vector<RequestHeader> headers;
  SubjectFormat format;
};

struct CommandSubject {
  CommandRequest command;
  std::string output_file;  ///< Where the program may leave its latest answer; empty: nowhere.
};

using SubjectSource = std::variant<FileSubject, UrlSubject, CommandSubject>;

/// Reads `credential_source`. `audience` and the others are told to a program in its environment.
/// Error::Kind::input when malformed; ::credentials for the sources that can't be used (AWS, X.509)
/// and for a program without GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1.
struct SubjectContext {
  std::string audience;
  std::string token_type;
  std::string impersonated_email;  ///< Empty: none.
};
[[nodiscard]] Result<SubjectSource> parse_subject_source(const boost::json::object& file,
                                                         std::string_view path,
                                                         const SubjectContext& context,
                                                         const Environment& environment);

/// Reads the token from what a file or a URL holds; `place` is for the messages.
[[nodiscard]] std::expected<Secret, TokenError> read_subject(std::string_view text,
                                                             const SubjectFormat& format,
                                                             std::string_view place);

/// Reads what a program printed. An expired token is a failure.
[[nodiscard]] std::expected<Secret, TokenError> read_command_output(std::string_view text,
                                                                    SystemTime now);

/// Continues with `use` once the subject token is there.
[[nodiscard]] Progress with_subject(const SubjectSource& source, SystemTime now,
                                    std::function<Progress(const Secret&, SystemTime)> use);

/// Splits a command line at blanks; double quotes keep them. No shell, no escapes. Empty when a
/// quote is left open.
[[nodiscard]] std::vector<std::string> split_command(std::string_view line);

}  // namespace fanfare::oauth
