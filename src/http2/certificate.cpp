#include "http2/certificate.h"

#include <array>
#include <ctime>

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "http2/openssl.h"

namespace fanfare::http2 {
namespace {

using openssl::take_error_words;

/// OpenSSL fails here only when memory or randomness has run out.
std::unexpected<Error> broken(std::string_view step) {
  return fail(Error::Kind::usage,
              fmt::format("cannot make a certificate: {}: {}", step, take_error_words()));
}

bool set_time(ASN1_TIME* field, std::chrono::system_clock::time_point time) {
  return ASN1_TIME_set(field, std::chrono::system_clock::to_time_t(time)) != nullptr;
}

/// RFC 5280, 4.1.2.2: positive, at most 20 octets, unique for the issuer. 120 random bits.
bool set_serial(X509& certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data() + 1, static_cast<int>(bytes.size()) - 1) != 1) return false;
  const std::unique_ptr<BIGNUM, openssl::Free<BN_free>> number(
      BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate)) != nullptr;
}

bool set_subject(X509& certificate, std::string_view common_name) {
  const openssl::Name name(X509_NAME_new());
  return name &&
         X509_NAME_add_entry_by_txt(name.get(), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0) == 1 &&
         X509_set_subject_name(&certificate, name.get()) == 1;
}

struct ExtensionText {
  int nid;
  std::string value;
};

/// The order matters: an authority key id is copied from the issuer's subject key id.
bool add_extensions(X509& certificate, X509& issuer, const std::vector<ExtensionText>& extensions) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  for (const auto& [nid, value] : extensions) {
    const openssl::Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    if (!extension || X509_add_ext(&certificate, extension.get(), -1) != 1) return false;
  }
  return true;
}

std::string text_of(BIO& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(&bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<Identity> to_pem(X509& certificate, EVP_PKEY& key) {
  const openssl::Bio certificate_bio(BIO_new(BIO_s_mem()));
  const openssl::Bio key_bio(BIO_new(BIO_s_mem()));
  if (!certificate_bio || !key_bio ||
      PEM_write_bio_X509(certificate_bio.get(), &certificate) != 1 ||
      PEM_write_bio_PrivateKey(key_bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return broken("PEM");
  }
  return Identity{text_of(*certificate_bio), text_of(*key_bio)};
}

/// What a certificate of either kind has: version 3, serial, times, subject, fresh key.
struct Draft {
  openssl::Certificate certificate;
  openssl::Key key;
};

Result<Draft> make_draft(std::string_view common_name, const Validity& validity) {
  if (common_name.empty() || common_name.size() > 64) {  // ub-common-name of RFC 5280.
    return fail(
        Error::Kind::usage,
        fmt::format("a certificate's name must have 1 to 64 bytes, not {}", common_name.size()));
  }
  Draft draft{openssl::Certificate(X509_new()),
              openssl::Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"))};
  if (!draft.key) return broken("key");
  X509* certificate = draft.certificate.get();
  if (certificate == nullptr || X509_set_version(certificate, X509_VERSION_3) != 1 ||
      !set_serial(*certificate) || !set_time(X509_getm_notBefore(certificate), validity.from) ||
      !set_time(X509_getm_notAfter(certificate), validity.until) ||
      !set_subject(*certificate, common_name) ||
      X509_set_pubkey(certificate, draft.key.get()) != 1) {
    return broken("fields");
  }
  return draft;
}

/// OpenSSL reads the names from a list separated by commas, so nothing else may slip in.
bool plain_name(std::string_view name, std::string_view extra) {
  constexpr std::string_view common = "0123456789abcdefABCDEF.";
  return !name.empty() &&
         name.find_first_not_of(std::string(common).append(extra)) == std::string_view::npos;
}

Result<std::string> alternative_names(const CertificateNames& names) {
  std::string list;
  const auto add = [&list](std::string_view type, std::string_view name) {
    list += fmt::format("{}{}:{}", list.empty() ? "" : ",", type, name);
  };
  for (const auto& name : names.dns) {
    if (!plain_name(name, "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ-_*")) {
      return fail(Error::Kind::usage, fmt::format("\"{}\" is not a host name", name),
                  "International names must be given in their ASCII form (xn--…).");
    }
    add("DNS", name);
  }
  for (const auto& ip : names.ips) {
    if (!plain_name(ip, ":")) {
      return fail(Error::Kind::usage, fmt::format("\"{}\" is not an IP address", ip));
    }
    add("IP", ip);
  }
  if (list.empty()) return fail(Error::Kind::usage, "a server's certificate needs a name");
  return list;
}

}  // namespace

Result<Identity> make_authority(std::string_view common_name, const Validity& validity) {
  auto draft = make_draft(common_name, validity);
  if (!draft) return std::unexpected(std::move(draft.error()));
  X509& certificate = *draft->certificate;
  if (X509_set_issuer_name(&certificate, X509_get_subject_name(&certificate)) != 1 ||
      !add_extensions(certificate, certificate,
                      {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                       {NID_key_usage, "critical,keyCertSign,cRLSign"},
                       {NID_subject_key_identifier, "hash"},
                       {NID_authority_key_identifier, "keyid:always"}}) ||
      X509_sign(&certificate, draft->key.get(), EVP_sha256()) == 0) {
    return broken("authority");
  }
  return to_pem(certificate, *draft->key);
}

Result<Identity> issue(const Identity& authority, const CertificateNames& names,
                       const Validity& validity) {
  const openssl::Bio issuer_bio = openssl::bio_of(authority.certificate_pem);
  const openssl::Bio key_bio = openssl::bio_of(authority.private_key_pem);
  const openssl::Certificate issuer(PEM_read_bio_X509(issuer_bio.get(), nullptr, nullptr, nullptr));
  const openssl::Key issuer_key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  if (!issuer || !issuer_key) {
    return fail(Error::Kind::input, fmt::format("the authority's certificate or key is not PEM: {}",
                                                take_error_words()));
  }
  auto list = alternative_names(names);
  if (!list) return std::unexpected(std::move(list.error()));
  // The common name is for people; one too long for the field is cut, the SAN has it whole.
  const std::string& first = names.dns.empty() ? names.ips.front() : names.dns.front();
  auto draft = make_draft(std::string_view(first).substr(0, 64), validity);
  if (!draft) return std::unexpected(std::move(draft.error()));
  X509& certificate = *draft->certificate;
  if (X509_set_issuer_name(&certificate, X509_get_subject_name(issuer.get())) != 1) {
    return broken("issuer");
  }
  if (!add_extensions(certificate, *issuer,
                      {{NID_basic_constraints, "critical,CA:FALSE"},
                       {NID_key_usage, "critical,digitalSignature"},
                       {NID_ext_key_usage, "serverAuth"},
                       {NID_subject_key_identifier, "hash"},
                       {NID_authority_key_identifier, "keyid:always"},
                       {NID_subject_alt_name, *list}})) {
    return fail(Error::Kind::usage,
                fmt::format("cannot make a certificate for {}: {}", *list, take_error_words()));
  }
  if (X509_sign(&certificate, issuer_key.get(), EVP_sha256()) == 0) return broken("signature");
  return to_pem(certificate, *draft->key);
}

}  // namespace fanfare::http2
