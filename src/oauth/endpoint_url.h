// Where credentials may be sent: https anywhere, plaintext only where nobody can listen.
#pragma once

#include <string_view>

namespace fanfare::oauth {

/// The host of an http or https URL, brackets included; empty when there is none or the URL hides
/// it behind a user name, as in http://127.0.0.1@elsewhere.
[[nodiscard]] std::string_view host_of(std::string_view url);

/// https, or http to this machine.
[[nodiscard]] bool is_safe_url(std::string_view url);

/// The same, or http to a cloud's metadata server (169.254.169.254 is link-local: it never leaves
/// the machine's own host).
[[nodiscard]] bool is_safe_local_url(std::string_view url);

}  // namespace fanfare::oauth
