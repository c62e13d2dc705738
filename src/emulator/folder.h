// What the emulator keeps in its --tls-dir: a certificate authority to trust and a service
// account to sign with. Both are reused at the next start, so that a client's settings stay good.
//
//   ca.pem            the authority's certificate, for --ca-file
//   ca-key.pem        its key (0600)
//   credentials.json  the service account (0600); token_uri follows the port
//
// Files of other kinds of credentials stand beside it (example_credentials.h), and what points a
// client here (client_setup.h).
//
// The server's own certificate is made at each start and never written.
#pragma once

#include <filesystem>
#include <string>

#include "fanfare/result.h"

#include "base/time_text.h"
#include "emulator/oauth.h"
#include "http2/certificate.h"

namespace fanfare::emulator {

struct Folder {
  std::filesystem::path ca_file;
  std::filesystem::path credentials_file;
  http2::Identity server;  ///< For localhost, the loopback addresses, `host` and Google's hosts.
  ServiceAccount account;
};

/// Opens the folder for a project, and makes what is missing or about to expire.
/// Error::Kind::input when a file of that name is there but was not made by an emulator: it might
/// be a real key. Error::Kind::storage when something can't be written.
[[nodiscard]] Result<Folder> open_folder(const std::filesystem::path& directory,
                                         const std::string& project, const std::string& host,
                                         SystemTime now);

/// Writes credentials.json, now that the port is known.
[[nodiscard]] Result<void> write_credentials(const Folder& folder, const std::string& project,
                                             const std::string& token_uri);

}  // namespace fanfare::emulator
