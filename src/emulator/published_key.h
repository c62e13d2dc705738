// The key of the emulator's service account: the same everywhere and no secret, since it opens
// nothing but emulators. Making a fresh one takes longer than everything else that a start does.
//
// The authority of --tls-dir is another matter: a person may tell a browser to trust it, so each
// folder has its own.
#pragma once

#include <string>

namespace fanfare::emulator {

/// RSA, 2,048 bits, PEM.
[[nodiscard]] std::string published_key();

}  // namespace fanfare::emulator
