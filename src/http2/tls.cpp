#include "http2/tls.h"

#include <array>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/file.h"
#include "base/time_text.h"
#include "http2/openssl.h"
#include "http2/spare_buffers.h"

namespace fanfare::http2 {
namespace {

using openssl::take_error_words;

// ALPN's wire form: each name with its length before it (RFC 7301, 3.1).
constexpr std::string_view client_protocols = "\x02h2";
constexpr std::string_view server_protocols = "\x02h2\x08http/1.1\x08http/1.0";

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// What a chain failed for, noted while OpenSSL still holds the certificate at fault.
struct VerifyFailure {
  int code = X509_V_OK;
  std::string subject;
  std::string from;
  std::string until;
  std::string names;  ///< The certificate's own host names, for a wrong host.
};

/// Sessions of a client's earlier connections, to be resumed by the next ones to the same host: a
/// resumed handshake needs no certificate and less than half of the CPU. Each is given out once, as
/// TLS 1.3 asks (RFC 8446, C.4), and the newest first, since it is good for longest. Thread-safe.
class SessionStore {
 public:
  void add(const std::string& host, openssl::Session session) {
    const std::lock_guard lock(mutex_);
    auto& sessions = hosts_[host];
    sessions.push_back(std::move(session));
    if (sessions.size() > most_sessions) sessions.pop_front();
  }

  /// Null: none is left.
  openssl::Session take(const std::string& host) {
    const std::lock_guard lock(mutex_);
    const auto found = hosts_.find(host);
    if (found == hosts_.end() || found->second.empty()) return nullptr;
    openssl::Session newest = std::move(found->second.back());
    found->second.pop_back();
    return newest;
  }

 private:
  /// Of one host: what a pool's connections leave behind, at two from each of them.
  static constexpr std::size_t most_sessions = 64;

  std::mutex mutex_;
  std::map<std::string, std::deque<openssl::Session>> hosts_;  // Guarded by mutex_.
};

/// What OpenSSL's callbacks see of a connection.
struct Handshake {
  std::string host;  ///< Empty at a server's end.
  SessionStore& sessions;
  VerifyFailure failure = {};
};

Handshake* handshake_of(const SSL* ssl) {
  return ssl == nullptr ? nullptr : static_cast<Handshake*>(SSL_get_app_data(ssl));
}

/// OpenSSL hands over a session whose handshake it has verified; 1 says that we keep it.
int keep_session(SSL* ssl, SSL_SESSION* session) {
  Handshake* handshake = handshake_of(ssl);
  if (handshake == nullptr || SSL_SESSION_is_resumable(session) != 1) return 0;
  handshake->sessions.add(handshake->host, openssl::Session(session));
  return 1;
}

std::string text_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unreadable time";
  return format_rfc3339(std::chrono::system_clock::from_time_t(timegm(&parts)));
}

std::string subject_of(X509* certificate) {
  std::array<char, 256> text{};
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                             text.data(), static_cast<int>(text.size()));
  if (size > 0) return {text.data(), static_cast<std::size_t>(size)};
  return X509_NAME_oneline(X509_get_subject_name(certificate), text.data(),
                           static_cast<int>(text.size()));
}

std::string text_of(const GENERAL_NAME& name) {
  if (name.type == GEN_DNS) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(name.d.dNSName)),
            static_cast<std::size_t>(ASN1_STRING_length(name.d.dNSName))};
  }
  if (name.type != GEN_IPADD) return {};
  const std::unique_ptr<char, decltype([](char* text) { OPENSSL_free(text); })> text(
      i2s_ASN1_OCTET_STRING(nullptr, name.d.iPAddress));  // "7F:00:00:01"
  return text ? fmt::format("IP {}", text.get()) : std::string();
}

std::string names_of(X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, openssl::Free<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  constexpr int shown = 5;
  std::string list;
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (int i = 0; i < count && i < shown; ++i) {
    const std::string name = text_of(*sk_GENERAL_NAME_value(names.get(), i));
    if (!name.empty()) list += (list.empty() ? "" : ", ") + name;
  }
  if (count > shown) list += ", …";
  return list.empty() ? "no host at all" : list;
}

/// Notes the failure and changes nothing: what OpenSSL refused stays refused.
int note_failure(int accepted, X509_STORE_CTX* store) {
  if (accepted == 1) return accepted;
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  Handshake* handshake = handshake_of(ssl);
  X509* certificate = X509_STORE_CTX_get_current_cert(store);
  if (handshake == nullptr) return accepted;
  VerifyFailure* failure = &handshake->failure;
  failure->code = X509_STORE_CTX_get_error(store);
  if (certificate == nullptr) return accepted;
  failure->subject = subject_of(certificate);
  failure->from = text_of(X509_get0_notBefore(certificate));
  failure->until = text_of(X509_get0_notAfter(certificate));
  failure->names = names_of(certificate);
  return accepted;
}

Error network_error(std::string what, std::string remedy) {
  return {Error::Kind::network, std::move(what), std::move(remedy)};
}

Error describe(const VerifyFailure& failure, std::string_view host) {
  switch (failure.code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return network_error(
          fmt::format("the certificate \"{}\" expired at {}", failure.subject, failure.until),
          "Renew the server's certificate, or set this machine's clock if it is ahead.");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return network_error(fmt::format("the certificate \"{}\" is not valid before {}",
                                       failure.subject, failure.from),
                           "Set this machine's clock if it is behind.");
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return network_error(
          fmt::format("the certificate is not for {} but for {}", host, failure.names),
          "Use a host name that the certificate has, or give the server a certificate for this "
          "one.");
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return network_error(
          fmt::format("the certificate \"{}\" comes from an unknown issuer", failure.subject),
          "If you trust the server, name its authority's certificate with --ca-file; for a public "
          "server, install the system's trust anchors (package ca-certificates).");
    default:  // OpenSSL knows some ninety codes and new versions add to them.
      return network_error(fmt::format("the certificate \"{}\" was refused: {}", failure.subject,
                                       X509_verify_cert_error_string(failure.code)),
                           "Mend the server's certificate chain.");
  }
}

Error no_http2() {
  return network_error("the server does not speak HTTP/2",
                       "Check host and port; a proxy in between must pass ALPN h2.");
}

/// For the failures that are not about a certificate.
Error describe_handshake_failure() {
  const unsigned long code = ERR_peek_error();
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    const int reason = ERR_GET_REASON(code);
    if (reason == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL) {
      ERR_clear_error();
      return no_http2();
    }
    if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST) {
      ERR_clear_error();
      return network_error("the other side does not speak TLS",
                           "Check the port; plaintext needs an http:// URL.");
    }
  }
  return network_error(fmt::format("TLS failed: {}", take_error_words()), {});
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  unsigned char* out = nullptr;
  const int found =
      SSL_select_next_proto(&out, chosen_size, bytes_of(server_protocols),
                            static_cast<unsigned>(server_protocols.size()), offered, offered_size);
  *chosen = out;
  // RFC 7301, 3.2: without a protocol in common the handshake fails.
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

openssl::Context make_context(const SSL_METHOD* method) {
  openssl::Context context(SSL_CTX_new(method));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // RFC 9113, 9.2.1: no compression, no renegotiation.
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);  // Else each record is read in two steps.
  return context;
}

/// Adds every certificate of a PEM text to what `context` trusts; false when there is none.
bool add_anchors(SSL_CTX& context, std::string_view pem) {
  const openssl::Bio bio = openssl::bio_of(pem);
  X509_STORE* store = SSL_CTX_get_cert_store(&context);
  int count = 0;
  while (const openssl::Certificate certificate{
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) return false;
    ++count;
  }
  ERR_clear_error();  // The end of a PEM text is an error to OpenSSL.
  return count > 0;
}

/// Lets in only clients with a certificate of the PEM text's authorities; false when there is none.
bool ask_for_certificates(SSL_CTX& context, std::string_view pem) {
  if (!add_anchors(context, pem)) return false;
  // Clients choose their certificate by these names.
  const openssl::Bio bio = openssl::bio_of(pem);
  while (const openssl::Certificate authority{
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    SSL_CTX_add_client_CA(&context, authority.get());
  }
  ERR_clear_error();
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // SSL_CTX_set_session_id_context(3): without a name, a client that resumes is refused.
  constexpr std::string_view name = "fanfare";
  SSL_CTX_set_session_id_context(&context, bytes_of(name), name.size());
  return true;
}

/// The first certificate is the server's own, the others lead to the root.
bool use_chain(SSL_CTX& context, std::string_view pem) {
  const openssl::Bio bio = openssl::bio_of(pem);
  const openssl::Certificate own(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!own || SSL_CTX_use_certificate(&context, own.get()) != 1) return false;
  while (const openssl::Certificate next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (SSL_CTX_add1_chain_cert(&context, next.get()) != 1) return false;
  }
  ERR_clear_error();
  return true;
}

bool use_key(SSL_CTX& context, std::string_view pem) {
  const openssl::Bio bio = openssl::bio_of(pem);
  const openssl::Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  return key && SSL_CTX_use_PrivateKey(&context, key.get()) == 1 &&
         SSL_CTX_check_private_key(&context) == 1;
}

}  // namespace

struct TlsContext::Impl {
  explicit Impl(openssl::Context made) : context(std::move(made)) {}

  openssl::Context context;
  SessionStore sessions;  ///< Of a client's.
};

namespace {

// Anchors named by their hash, as c_rehash makes them, of which OpenSSL reads the one it needs.
bool has_hashed_anchors(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".0") return true;
  }
  return false;
}

// The bundle has every anchor there is, and reading it takes longer than a handshake: some 60 ms
// for 140 of them. A system without anchors shows later, as an unknown issuer: an extra CA file may
// be enough.
void trust_the_system(SSL_CTX& context) {
  const char* const folder_named = std::getenv(X509_get_default_cert_dir_env());
  const char* const file_named = std::getenv(X509_get_default_cert_file_env());
  const char* const folder = folder_named != nullptr ? folder_named : X509_get_default_cert_dir();
  if (file_named == nullptr && has_hashed_anchors(folder)) {
    SSL_CTX_set_default_verify_dir(&context);
  } else {
    SSL_CTX_set_default_verify_paths(&context);
  }
  ERR_clear_error();
}

}  // namespace

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::make_client(
    const std::optional<std::filesystem::path>& extra_ca_file) {
  openssl::Context context = make_context(TLS_client_method());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, note_failure);
  // Kept by us and not by OpenSSL, which would give one out more than once.
  SSL_CTX_set_session_cache_mode(context.get(),
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(context.get(), keep_session);
  trust_the_system(*context);
  if (SSL_CTX_set_alpn_protos(context.get(), bytes_of(client_protocols),
                              static_cast<unsigned>(client_protocols.size())) != 0) {
    return fail(Error::Kind::network, "cannot set up TLS: " + take_error_words());
  }
  if (extra_ca_file) {
    const auto pem = read_file(*extra_ca_file);
    if (!pem) return std::unexpected(pem.error());
    if (!add_anchors(*context, *pem)) {
      return fail(Error::Kind::input,
                  fmt::format("{} holds no certificate", extra_ca_file->string()),
                  "A CA file is PEM text: -----BEGIN CERTIFICATE----- and so on.");
    }
  }
  return std::shared_ptr<TlsContext>(new TlsContext(std::make_unique<Impl>(std::move(context))));
}

Result<std::shared_ptr<TlsContext>> TlsContext::make_server(std::string_view certificate_chain_pem,
                                                            std::string_view private_key_pem,
                                                            std::string_view client_ca_pem) {
  openssl::Context context = make_context(TLS_server_method());
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  if (!use_chain(*context, certificate_chain_pem)) {
    return fail(Error::Kind::input, "the server's certificate can't be used: " + take_error_words(),
                "It must be PEM text, the server's own certificate first.");
  }
  if (!use_key(*context, private_key_pem)) {
    return fail(Error::Kind::input, "the server's private key can't be used: " + take_error_words(),
                "It must be unencrypted PEM text and belong to the first certificate.");
  }
  if (!client_ca_pem.empty() && !ask_for_certificates(*context, client_ca_pem)) {
    return fail(Error::Kind::input, "the authorities of clients hold no certificate",
                "A CA file is PEM text: -----BEGIN CERTIFICATE----- and so on.");
  }
  return std::shared_ptr<TlsContext>(new TlsContext(std::make_unique<Impl>(std::move(context))));
}

/// The two ends of the wire as one BIO, without copies of its own: OpenSSL reads what has arrived
/// where it lies, and appends what must leave to the string that is written to the socket.
struct Wire {
  std::string_view in;  ///< Until it is read, during a call.
  std::string out;

  static openssl::Bio open(Wire& wire) {
    static BIO_METHOD* const method = make_method();
    openssl::Bio bio(BIO_new(method));
    BIO_set_data(bio.get(), &wire);
    BIO_set_init(bio.get(), 1);
    return bio;
  }

 private:
  static BIO_METHOD* make_method() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    BIO_meth_set_read_ex(method, read);
    BIO_meth_set_write_ex(method, write);
    BIO_meth_set_ctrl(method, control);
    return method;
  }

  static Wire& of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, std::size_t most, std::size_t* count) {
    Wire& wire = of(bio);
    BIO_clear_retry_flags(bio);
    *count = wire.in.copy(to, most);
    wire.in.remove_prefix(*count);
    if (*count > 0) return 1;
    BIO_set_retry_read(bio);
    return 0;
  }

  static int write(BIO* bio, const char* bytes, std::size_t size, std::size_t* count) {
    std::string& out = of(bio).out;
    if (out.empty()) out = take_spare_buffer();
    out.append(bytes, size);
    *count = size;
    return 1;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
};

struct TlsEngine::Impl {
  Impl(std::shared_ptr<TlsContext> shared, std::string host)
      : context(std::move(shared)),
        handshake{.host = std::move(host), .sessions = context->impl().sessions},
        ssl(SSL_new(context->impl().context.get())) {
    BIO* bio = Wire::open(wire).release();
    SSL_set_bio(ssl.get(), bio, bio);  // Owned by `ssl` from here.
    SSL_set_app_data(ssl.get(), &handshake);
  }

  ~Impl() {
    // Else OpenSSL takes the session for damaged and it can't be resumed.
    SSL_set_quiet_shutdown(ssl.get(), 1);
    SSL_shutdown(ssl.get());
    ERR_clear_error();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::shared_ptr<TlsContext> context;
  Handshake handshake;
  Wire wire;
  openssl::Connection ssl;
  std::string waiting;          ///< Plain bytes from before the end of the handshake.
  std::optional<Error> broken;  ///< Once broken, always broken.
  bool client = false;
  bool done = false;
  bool closed = false;

  bool name_peer();
  void resume();
  Result<void> shake_hands();
  Result<void> read(std::string& plain);
  void write(std::string_view plain);
  std::unexpected<Error> fail_with(Error error) {
    broken = std::move(error);
    return std::unexpected(*broken);
  }
};

/// An address goes into no SNI (RFC 6066, 3) and is matched with the certificate's IP names.
bool TlsEngine::Impl::name_peer() {
  const std::string& host = handshake.host;
  // An empty name would switch the check off.
  if (host.empty() || host.find('\0') != std::string::npos) return false;
  X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return true;
  ERR_clear_error();
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size()) == 1 &&
         SSL_set_tlsext_host_name(ssl.get(), host.c_str()) == 1;
}

/// A server that does not know the session any more shakes hands anew.
void TlsEngine::Impl::resume() {
  if (const auto session = context->impl().sessions.take(handshake.host)) {
    SSL_set_session(ssl.get(), session.get());
  }
}

Result<void> TlsEngine::Impl::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl.get());
  if (result != 1) {
    if (SSL_get_error(ssl.get(), result) == SSL_ERROR_WANT_READ) return {};
    if (handshake.failure.code != X509_V_OK) {
      ERR_clear_error();
      return fail_with(describe(handshake.failure, handshake.host));
    }
    return fail_with(describe_handshake_failure());
  }
  done = true;
  if (client) {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl.get(), &name, &size);
    if (size == 0) return fail_with(no_http2());  // Only h2 was offered.
  }
  write(std::exchange(waiting, {}));
  return {};
}

Result<void> TlsEngine::Impl::read(std::string& plain) {
  constexpr std::size_t record_bytes = 16U << 10;
  for (;;) {
    int result = 0;
    ERR_clear_error();
    const std::size_t before = plain.size();
    plain.resize_and_overwrite(before + record_bytes, [&](char* data, std::size_t) {
      result = SSL_read(ssl.get(), data + before, static_cast<int>(record_bytes));
      return before + static_cast<std::size_t>(std::max(result, 0));
    });
    if (result > 0) continue;
    switch (SSL_get_error(ssl.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return {};
      case SSL_ERROR_ZERO_RETURN:
        closed = true;
        return {};
      default:
        return fail_with(describe_handshake_failure());
    }
  }
}

void TlsEngine::Impl::write(std::string_view plain) {
  ERR_clear_error();
  while (!plain.empty()) {
    std::size_t written = 0;
    // The wire takes everything, so this fails only on a connection that is broken already,
    // which the next receive tells.
    if (SSL_write_ex(ssl.get(), plain.data(), plain.size(), &written) != 1) break;
    plain.remove_prefix(written);
  }
  ERR_clear_error();
}

TlsEngine::TlsEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsEngine::~TlsEngine() = default;

std::unique_ptr<TlsEngine> TlsEngine::make_client(std::shared_ptr<TlsContext> context,
                                                  std::string host) {
  auto impl = std::make_unique<Impl>(std::move(context), std::move(host));
  impl->client = true;
  SSL_set_connect_state(impl->ssl.get());
  if (impl->name_peer()) {
    impl->resume();
    static_cast<void>(impl->shake_hands());  // The first flight; a failure stays in `broken`.
  } else {
    impl->broken = network_error(fmt::format("\"{}\" is not a host name", impl->handshake.host),
                                 "Check the URL of the endpoint.");
  }
  return std::unique_ptr<TlsEngine>(new TlsEngine(std::move(impl)));
}

std::unique_ptr<TlsEngine> TlsEngine::make_server(std::shared_ptr<TlsContext> context) {
  auto impl = std::make_unique<Impl>(std::move(context), std::string());
  SSL_set_accept_state(impl->ssl.get());
  return std::unique_ptr<TlsEngine>(new TlsEngine(std::move(impl)));
}

Result<void> TlsEngine::receive(std::span<const std::uint8_t> wire, std::string& plain) {
  if (impl_->broken) return std::unexpected(*impl_->broken);
  impl_->wire.in = {reinterpret_cast<const char*>(wire.data()), wire.size()};
  if (!impl_->done) {
    if (auto shaken = impl_->shake_hands(); !shaken || !impl_->done) return shaken;
  }
  return impl_->read(plain);
}

void TlsEngine::send(std::string_view plain) {
  if (impl_->broken) return;
  if (impl_->done) {
    impl_->write(plain);
  } else {
    impl_->waiting += plain;
  }
}

void TlsEngine::take_output(std::string& wire) {
  std::string& out = impl_->wire.out;
  if (wire.empty()) {
    give_spare_buffer(std::exchange(wire, std::exchange(out, {})));
  } else {
    wire += out;
    out.clear();
  }
}

void TlsEngine::shut_down() {
  if (impl_->done && !impl_->broken) SSL_shutdown(impl_->ssl.get());
  ERR_clear_error();
}

bool TlsEngine::handshake_done() const noexcept {
  return impl_->done && !impl_->broken;
}

bool TlsEngine::resumed() const noexcept {
  return SSL_session_reused(impl_->ssl.get()) == 1;
}

bool TlsEngine::closed() const noexcept {
  return impl_->closed;
}

std::string_view TlsEngine::alpn() const noexcept {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(impl_->ssl.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace fanfare::http2
