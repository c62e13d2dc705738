// Result: a value, or an error that says what went wrong, where, and how to mend it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace fanfare {

/// A failure of ours or of the surroundings. What FCM answers is not an Error but a Verdict
/// (verdict.h): a refused message is a result, not a breakdown.
struct Error {
  /// Who must act; the command turns it into its exit status.
  enum class Kind : std::uint8_t {
    usage,        ///< The call itself is wrong: an option, an argument.
    input,        ///< A file or text given to us is missing or malformed.
    storage,      ///< The store can't be read or written: missing, locked, read-only, full.
    credentials,  ///< No credentials, or they were refused.
    network,      ///< The other side can't be reached or can't be trusted.
  };
  Kind kind = Kind::usage;  ///< Who must act.
  std::string what;         ///< One sentence naming the thing and the place; never a secret.
  std::string remedy;       ///< What a person can do about it; empty when nothing is known to help.
};

/// What a function that can fail returns: its value, or why there is none.
template <class T>
using Result = std::expected<T, Error>;

/// The failing side of a Result: `return fail(Error::Kind::input, "…", "…");`
[[nodiscard]] inline std::unexpected<Error> fail(Error::Kind kind, std::string what,
                                                 std::string remedy = {}) {
  return std::unexpected(Error{kind, std::move(what), std::move(remedy)});
}

}  // namespace fanfare
