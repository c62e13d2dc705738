// Any bytes as a key file: a result or an error, never a crash, and no error that quotes a key.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "oauth/service_account.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto account = fanfare::oauth::parse_service_account(text, "key.json");
  if (!account && account.error().what.find("BEGIN") != std::string::npos) std::abort();
  if (account && account->private_key.empty()) std::abort();
  return 0;
}
