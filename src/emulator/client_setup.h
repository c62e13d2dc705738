// What points clients of every language at the emulator without a change to them. Their hosts are
// constants, but each language has some setting from outside for a proxy and for trust.
//
//   env.sh          to be sourced by a shell: sets all of it
//   redirect.js     preloaded into Node, whose HTTP/2 knows no proxies
//   truststore.p12  the authority for Java
//   php.ini         the authority for PHP
//   README.txt      the same for people, language by language
//
// They name the port, so each start writes them anew.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "fanfare/result.h"

namespace fanfare::emulator {

struct ClientSetup {
  std::string host = "127.0.0.1";  ///< As a client reaches it; an IPv6 address without brackets.
  std::uint16_t port = 0;
  std::string project;
  std::filesystem::path ca_file;  ///< Absolute, like the next.
  std::filesystem::path credentials_file;
};

/// http://HOST:PORT or https://…, without a slash at its end.
[[nodiscard]] std::string base_url(std::string_view scheme, std::string_view host,
                                   std::uint16_t port);

/// The text of env.sh. Whatever the folder's name holds, a shell reads it as one word.
[[nodiscard]] std::string shell_settings(const std::filesystem::path& directory,
                                         const ClientSetup& setup);

/// Writes all five into `directory`, which is absolute. Error::Kind::input for a file of that name
/// that an emulator did not make, storage when one can't be written.
[[nodiscard]] Result<void> write_client_setup(const std::filesystem::path& directory,
                                              const ClientSetup& setup);

/// Whether a host, in lower case, is one that Google's SDKs talk to: the emulator plays it, and its
/// proxy leads here.
[[nodiscard]] bool is_played_host(std::string_view host);

}  // namespace fanfare::emulator
