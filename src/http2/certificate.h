// Certificates of our own making, so that the emulator and the tests can speak TLS without files
// or tools from elsewhere. EC P-256, SHA-256; extensions as RFC 5280 and browsers want them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/result.h"

namespace fanfare::http2 {

/// A certificate and the key that belongs to it, both as PEM text. The key is a secret.
struct Identity {
  std::string certificate_pem;
  std::string private_key_pem;
};

/// From when until when a certificate counts; whole seconds.
struct Validity {
  std::chrono::system_clock::time_point from;
  std::chrono::system_clock::time_point until;
};

/// Whom a certificate is for. Clients look at these names only, never at a common name
/// (RFC 9110, 4.3.4).
struct CertificateNames {
  std::vector<std::string> dns;  ///< "localhost", "*.example.org".
  std::vector<std::string> ips;  ///< "127.0.0.1", "::1".
};

/// A self-signed authority that may issue certificates for servers and nothing else. Clients
/// trust its certificate_pem as an extra CA file. Error::Kind::usage for a name that can't stand
/// in a certificate (empty, over 64 bytes).
[[nodiscard]] Result<Identity> make_authority(std::string_view common_name,
                                              const Validity& validity);

/// A server's certificate for `names`, signed by `authority`. Error::Kind::usage when there is no
/// name or one is malformed; ::input when the authority's PEM can't be read.
[[nodiscard]] Result<Identity> issue(const Identity& authority, const CertificateNames& names,
                                     const Validity& validity);

}  // namespace fanfare::http2
