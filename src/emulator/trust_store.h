// A trust store for Java, which reads no PEM: the authority's certificate in PKCS #12 (RFC 7292).
//
// Java takes a certificate without a key for a trust anchor only when its bag says for which use
// it is trusted, in an attribute of Oracle's own. There is no password: nothing in it is secret,
// and what isn't protected opens with any password and with none.
#pragma once

#include <string>
#include <string_view>

#include "fanfare/result.h"

namespace fanfare::emulator {

/// The DER bytes of a store that trusts one certificate, under the name `alias`.
/// Error::Kind::input when the certificate is not PEM.
[[nodiscard]] Result<std::string> make_trust_store(std::string_view certificate_pem,
                                                   const std::string& alias);

}  // namespace fanfare::emulator
