#include "oauth/basic_auth.h"

#include <string>

#include <openssl/evp.h>

namespace fanfare::oauth {

Secret basic_auth(std::string_view name, std::string_view password) {
  const std::string pair = std::string(name) + ':' + std::string(password);
  std::string text(4 * ((pair.size() + 2) / 3) + 1, '\0');  // OpenSSL adds a NUL.
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(pair.data()),
                                     static_cast<int>(pair.size()));
  text.resize(static_cast<std::size_t>(length));
  return Secret("Basic " + text);
}

}  // namespace fanfare::oauth
