#include "emulator/trust_store.h"

#include <cstdint>
#include <initializer_list>
#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace fanfare::emulator {
namespace {

template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* object) const noexcept {
    free_function(object);
  }
};
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;

Result<std::string> read_certificate(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  const int size = certificate ? i2d_X509(certificate.get(), nullptr) : 0;
  if (size <= 0) {
    ERR_clear_error();
    return fail(Error::Kind::input, "the authority's certificate is not PEM",
                "delete it and its key; new ones are made at the next start");
  }
  std::string bytes(static_cast<std::size_t>(size), '\0');
  auto* end = reinterpret_cast<unsigned char*>(bytes.data());
  i2d_X509(certificate.get(), &end);
  return bytes;
}

// --- DER (X.690), written by hand: OpenSSL 3.0 lets no program give a bag an attribute of its
// choice, and this is all that a store without encryption needs.

std::string tagged(unsigned char tag, std::string_view content) {
  std::string bytes(1, static_cast<char>(tag));
  if (content.size() < 0x80) {
    bytes += static_cast<char>(content.size());
  } else {
    std::string length;
    for (auto rest = content.size(); rest > 0; rest >>= 8) {
      length.insert(length.begin(), static_cast<char>(rest & 0xFFU));
    }
    bytes += static_cast<char>(0x80 | length.size());
    bytes += length;
  }
  return bytes += content;
}

std::string sequence(std::string_view content) {
  return tagged(0x30, content);
}
std::string set(std::string_view content) {
  return tagged(0x31, content);
}
std::string octets(std::string_view content) {
  return tagged(0x04, content);
}
/// What is [0] EXPLICIT in the notation of the standards.
std::string inside(std::string_view content) {
  return tagged(0xA0, content);
}

std::string object_id(std::initializer_list<std::uint32_t> arcs) {
  auto arc = arcs.begin();
  const auto top = *arc++ * 40;
  std::string content(1, static_cast<char>(top + *arc++));
  for (; arc != arcs.end(); ++arc) {
    std::string digits(1, static_cast<char>(*arc & 0x7FU));
    for (auto rest = *arc >> 7; rest > 0; rest >>= 7) {
      digits.insert(digits.begin(), static_cast<char>(0x80U | (rest & 0x7FU)));
    }
    content += digits;
  }
  return tagged(0x06, content);
}

/// BMPString, of ASCII.
std::string wide_text(std::string_view text) {
  std::string content;
  for (const char c : text) (content += '\0') += c;
  return tagged(0x1E, content);
}

std::string attribute(const std::string& id, const std::string& value) {
  return sequence(id + set(value));
}

std::string plain_data(const std::string& content) {
  const auto data = object_id({1, 2, 840, 113549, 1, 7, 1});
  return sequence(data + inside(octets(content)));
}

}  // namespace

Result<std::string> make_trust_store(std::string_view certificate_pem, const std::string& alias) {
  const auto certificate = read_certificate(certificate_pem);
  if (!certificate) return certificate;
  const auto certificate_bag = object_id({1, 2, 840, 113549, 1, 12, 10, 1, 3});
  const auto x509_certificate = object_id({1, 2, 840, 113549, 1, 9, 22, 1});
  const auto friendly_name = object_id({1, 2, 840, 113549, 1, 9, 20});
  const auto trusted_key_usage = object_id({2, 16, 840, 1, 113894, 746875, 1, 1});
  const auto any_extended_key_usage = object_id({2, 5, 29, 37, 0});
  const auto bag =
      sequence(certificate_bag + inside(sequence(x509_certificate + inside(octets(*certificate)))) +
               set(attribute(friendly_name, wide_text(alias)) +
                   attribute(trusted_key_usage, any_extended_key_usage)));
  const auto version = tagged(0x02, "\x03");
  return sequence(version + plain_data(sequence(plain_data(sequence(bag)))));
}

}  // namespace fanfare::emulator
