// TLS as a value: bytes in, bytes out, over OpenSSL. TLS 1.2 or newer, ALPN, and
// verification of chain and host name that no option switches off.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fanfare/result.h"

namespace fanfare::http2 {

/// Shared by all connections of one side and by threads. A client's keeps the sessions of its
/// connections, so that later ones to the same host resume them.
class TlsContext {
 public:
  /// A client's: trusts the system's anchors and, when given, those in `extra_ca_file` (PEM) too.
  /// Error::Kind::input when that file is missing or holds no certificate.
  [[nodiscard]] static Result<std::shared_ptr<TlsContext>> make_client(
      const std::optional<std::filesystem::path>& extra_ca_file);

  /// A server's, with its certificate chain and private key as PEM text. Offers h2, then
  /// http/1.1. With `client_ca_pem` only clients that show a certificate of one of these
  /// authorities are let in (mTLS). Error::Kind::input says which of the three can't be used.
  [[nodiscard]] static Result<std::shared_ptr<TlsContext>> make_server(
      std::string_view certificate_chain_pem, std::string_view private_key_pem,
      std::string_view client_ca_pem = {});

  ~TlsContext();
  struct Impl;
  [[nodiscard]] Impl& impl() noexcept { return *impl_; }

 private:
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// One connection's TLS state. Not thread-safe.
class TlsEngine {
 public:
  /// A client's end: sends `host` as SNI and verifies the certificate for it; ALPN h2 only.
  static std::unique_ptr<TlsEngine> make_client(std::shared_ptr<TlsContext> context,
                                                std::string host);
  static std::unique_ptr<TlsEngine> make_server(std::shared_ptr<TlsContext> context);
  ~TlsEngine();

  /// Feeds bytes of the wire; appends the decrypted bytes to `plain`. Error::Kind::network with
  /// OpenSSL's words and, for a certificate that is expired, unknown or of another host, with the
  /// remedy for that.
  [[nodiscard]] Result<void> receive(std::span<const std::uint8_t> wire, std::string& plain);
  /// Encrypts plain bytes. Before the handshake is done they wait.
  void send(std::string_view plain);
  /// Appends what must be written to the wire.
  void take_output(std::string& wire);
  /// Sends close_notify, so that the session can be resumed.
  void shut_down();

  [[nodiscard]] bool handshake_done() const noexcept;
  /// An earlier connection's session went on, without certificates.
  [[nodiscard]] bool resumed() const noexcept;
  /// The peer sent close_notify.
  [[nodiscard]] bool closed() const noexcept;
  /// "h2", "http/1.1" or empty.
  [[nodiscard]] std::string_view alpn() const noexcept;

 private:
  struct Impl;
  explicit TlsEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare::http2
