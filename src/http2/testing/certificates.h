// Certificates for tests: an authority and what it issues, valid now unless told otherwise.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include <unistd.h>

#include "base/file.h"
#include "http2/certificate.h"
#include "http2/tls.h"

namespace fanfare::http2::testing {

inline Validity valid_now() {
  const auto now = std::chrono::system_clock::now();
  return {now - std::chrono::hours(1), now + std::chrono::hours(24)};
}

inline Identity make_test_authority() {
  return make_authority("Test CA", valid_now()).value();
}

/// One for the whole program: making keys takes a while under a sanitizer.
inline const Identity& test_authority() {
  static const Identity authority = make_test_authority();
  return authority;
}

inline CertificateNames loopback_names() {
  return {{"localhost"}, {"127.0.0.1", "::1"}};
}

inline std::shared_ptr<TlsContext> server_tls(const CertificateNames& names = loopback_names(),
                                              const Validity& validity = valid_now()) {
  const Identity identity = issue(test_authority(), names, validity).value();
  return TlsContext::make_server(identity.certificate_pem, identity.private_key_pem).value();
}

/// A file that is gone with its owner.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& bytes) : path_(make_path()) {
    static_cast<void>(write_file(path_, bytes).value());
  }
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  static std::filesystem::path make_path() {
    static int count = 0;
    return std::filesystem::temp_directory_path() /
           ("fanfare_test_" + std::to_string(::getpid()) + "_" + std::to_string(++count) + ".pem");
  }
  std::filesystem::path path_;
};

/// Trusts the test authority and the system's.
inline std::shared_ptr<TlsContext> client_tls() {
  const TemporaryFile ca(test_authority().certificate_pem);
  return TlsContext::make_client(ca.path()).value();
}

}  // namespace fanfare::http2::testing
