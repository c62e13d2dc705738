#include "emulator/folder.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include <boost/asio/ip/address.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/file.h"
#include "emulator/answers.h"
#include "emulator/published_key.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::string_view authority_name = "Fanfare emulator";
constexpr std::string_view account_name = "fanfare-emulator@";
constexpr auto one_day = 24h;

template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* object) const noexcept {
    free_function(object);
  }
};
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;

Certificate read_certificate(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

std::string common_name_of(X509* certificate) {
  char name[128] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof(name));
  return name;
}

bool lasts_until(X509* certificate, SystemTime when) {
  auto seconds = std::chrono::system_clock::to_time_t(when);
  return X509_cmp_time(X509_get0_notAfter(certificate), &seconds) > 0;
}

std::unexpected<Error> foreign(const std::filesystem::path& file) {
  return fail(Error::Kind::input, fmt::format("{} was not made by this emulator", file.string()),
              "choose another folder for --tls-dir; nothing here is overwritten");
}

bool is_there(const std::filesystem::path& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored);
}

/// The stored authority; nothing when there is none or it ends within a day.
Result<std::optional<http2::Identity>> load_authority(const std::filesystem::path& certificate_file,
                                                      const std::filesystem::path& key_file,
                                                      SystemTime now) {
  if (!is_there(certificate_file)) return std::nullopt;
  if (!is_there(key_file)) return foreign(certificate_file);
  auto certificate_pem = read_file(certificate_file);
  if (!certificate_pem) return std::unexpected(std::move(certificate_pem.error()));
  auto key_pem = read_file(key_file);
  if (!key_pem) return std::unexpected(std::move(key_pem.error()));
  const auto certificate = read_certificate(*certificate_pem);
  if (!certificate || common_name_of(certificate.get()) != authority_name) {
    return foreign(certificate_file);
  }
  if (!lasts_until(certificate.get(), now + one_day)) return std::nullopt;
  return http2::Identity{*std::move(certificate_pem), *std::move(key_pem)};
}

Result<http2::Identity> make_authority(const std::filesystem::path& certificate_file,
                                       const std::filesystem::path& key_file, SystemTime now) {
  auto made = http2::make_authority(authority_name, {now - one_day, now + 3'650 * one_day});
  if (!made) return made;
  // The key first: a certificate without a key is taken for somebody else's.
  if (auto written = write_file(key_file, made->private_key_pem, 0600); !written) {
    return std::unexpected(std::move(written.error()));
  }
  if (auto written = write_file(certificate_file, made->certificate_pem); !written) {
    return std::unexpected(std::move(written.error()));
  }
  return made;
}

Result<http2::Identity> issue_server(const http2::Identity& authority, const std::string& host,
                                     SystemTime now) {
  http2::CertificateNames names{.dns = {"localhost", "*.googleapis.com", "*.mtls.googleapis.com",
                                        "accounts.google.com", "metadata.google.internal"},
                                .ips = {"127.0.0.1", "::1"}};
  boost::system::error_code not_an_address;
  const auto address = boost::asio::ip::make_address(host, not_an_address);
  if (not_an_address) {
    if (host != "localhost") names.dns.push_back(host);
  } else if (!address.is_unspecified() && !address.is_loopback()) {
    names.ips.push_back(host);
  }
  return http2::issue(authority, names, {now - one_day, now + 397 * one_day});
}

Result<ServiceAccount> open_account(const std::filesystem::path& file, const std::string& project) {
  ServiceAccount account;
  account.client_email = fmt::format("{}{}.iam.gserviceaccount.com", account_name, project);
  if (!is_there(file)) {
    account.private_key_pem = Secret(published_key());
    return account;
  }
  const auto text = read_file(file);
  if (!text) return std::unexpected(text.error());
  boost::system::error_code error;
  const auto value = json::parse(*text, error);
  const auto* object = error ? nullptr : value.if_object();
  const auto text_of = [&](std::string_view name) {
    const auto* member = object != nullptr ? object->if_contains(name) : nullptr;
    return member != nullptr && member->is_string() ? std::string(member->get_string())
                                                    : std::string();
  };
  if (!text_of("client_email").starts_with(account_name)) return foreign(file);
  account.private_key_pem = Secret(text_of("private_key"));
  return account;
}

/// Forty hex digits, as Google's are; here they follow from the key.
std::string key_id_of(std::string_view pem) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(pem.data(), pem.size(), digest, &size, EVP_sha1(), nullptr);
  std::string id;
  for (unsigned i = 0; i < size; ++i) id += fmt::format("{:02x}", digest[i]);
  return id;
}

}  // namespace

Result<Folder> open_folder(const std::filesystem::path& directory, const std::string& project,
                           const std::string& host, SystemTime now) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(directory, error);
  if (!error) std::filesystem::create_directories(absolute, error);
  if (error) {
    return fail(Error::Kind::storage,
                fmt::format("can't make {}: {}", directory.string(), error.message()),
                "choose a place that can be written for --tls-dir");
  }
  Folder folder{.ca_file = absolute / "ca.pem",
                .credentials_file = absolute / "credentials.json",
                .server = {},
                .account = {}};
  const auto key_file = absolute / "ca-key.pem";
  auto stored = load_authority(folder.ca_file, key_file, now);
  if (!stored) return std::unexpected(std::move(stored.error()));
  auto authority = *stored ? Result<http2::Identity>(**std::move(stored))
                           : make_authority(folder.ca_file, key_file, now);
  if (!authority) return std::unexpected(std::move(authority.error()));
  auto server = issue_server(*authority, host, now);
  if (!server) return std::unexpected(std::move(server.error()));
  folder.server = *std::move(server);
  auto account = open_account(folder.credentials_file, project);
  if (!account) return std::unexpected(std::move(account.error()));
  folder.account = *std::move(account);
  return folder;
}

Result<void> write_credentials(const Folder& folder, const std::string& project,
                               const std::string& token_uri) {
  const auto& account = folder.account;
  const json::object file{
      {"type", "service_account"},
      {"project_id", project},
      {"private_key_id", key_id_of(account.private_key_pem.reveal())},
      {"private_key", account.private_key_pem.reveal()},
      {"client_email", account.client_email},
      {"client_id", "100000000000000000001"},
      {"auth_uri", "https://accounts.google.com/o/oauth2/auth"},
      {"token_uri", token_uri},
      {"auth_provider_x509_cert_url", "https://www.googleapis.com/oauth2/v1/certs"},
      {"client_x509_cert_url",
       fmt::format("https://www.googleapis.com/robot/v1/metadata/x509/{}", account.client_email)},
      {"universe_domain", "googleapis.com"}};
  return write_file(folder.credentials_file, pretty_print(file), 0600);
}

}  // namespace fanfare::emulator
