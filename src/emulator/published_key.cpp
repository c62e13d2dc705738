#include "emulator/published_key.h"

#include <string_view>

namespace fanfare::emulator {
namespace {

// PKCS #8, as a PEM has it between its two lines.
constexpr std::string_view key_base64 =
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCjw9moso2LM1aDXDQYqCZgU8TnfYlCr4M2kppe"
    "V2L4i+BU8s2nkO5ErAHbA8eZvj2zhpEFpgjV1s0DGRePdkvX1pN37M7K0hn+lhvXNf30khAypJhiAEm8Qx1y3y50"
    "A2388TmJ4vDivXV6P3/NW6WLgaIUFcTvEJqGKMm+++myJUYhU3ixgQ50s6I+nx4PSIR3JoC9vHOs62ZgVMwKsyO6"
    "TtFFrN2OlLNJU4iEMq77Qm58mzYiTY0WLqmexRl/KjE+BrhKLryUNO0zMvt0/6fuaszVcD4pXePKY5rOkNO8dJNl"
    "bP9aMS9sWCfHjAK58wqvaiR5fOtYhce2VFP81GoFAgMBAAECggEAKpUVdrEe7vAlcbi67yJiADAoBg11cHqUws7y"
    "Bs/wMzKj3VLZONYNrpuPS/S6pPZ7sr+t2+slZv0Yh9KxdqNK60+nPsq7pq9lBPbhPF+UrlCAl7qGyQzMH4DQGnt/"
    "57iwk9HhpUH2Yu7iqivyvmIzNIg7rb9PWt5VX8chVmDIjoKJ/NOgclBAyZp2whu9ZZ8zxk4HZb5VdQ2F/SBvdAQT"
    "nn280yqk0iZyhUgO9Um510VYS0pv5MtNJ0txH2LecRJKu7PAn1Czmjvt13EgTD0fB4ABXPBf6prL4bTpcfU+3iU0"
    "Ddt4LX6D09M2F/G0QALV80irWg96l3hTRnFMcg4trQKBgQDaIJ1FCjfaOYWPnYYNS4q+YCXkcarxdtssC/opMd2m"
    "KwGMFNZjOUAXmu0ZkyVSXymhGKSzpxheQo1gow15DCPdFK90eznC+vTJ3xi3cH2wrkWkbtEwisusjCBURBeiFedJ"
    "/uq0WUjniBJ9FNK0m0UvOEaK6pGRyArkH5SrAkEH5wKBgQDAMuxLRRZ4oZXQOIh+2EDPVg4ezURIMCjoyskp5LGf"
    "O12BRH7OY0hPQBh2ZxMNqoQKRHrH5a9Y8OpGCprUvm1Xc5cbJCkDtbXamTyvtYcRyUF+E1cJfQ9gcVAK34VdZ9EF"
    "RaWM7FiVu9DSgXPpsrXhQybOHIKDLX9W67kNQ6qRMwKBgQCJeBqFw13V24CwNS+hu2Uye/gFlBmO2kBg7x92zOWK"
    "7vmnpg5DNHaPKeWZw6G22yCqVZSfYIS8Cyd8quY3zo3frESznWGW34BcpYy3N18PdZWQfwK5nA+mrB1H3i4iybkd"
    "alnS1Z5bxOcaC4CLsHuWudnDfPfHL5KlmL2iVOZVKwKBgAjECczhCMZVsEx/15HZcRNDvH8hI4UbVTJQ1V3oxUUa"
    "4wfbROFK2+hpZvQ3fUH5Te5d8y+cxSOMUVMCds9PJBOB/RlKy+gUaIfgx0jIQbHI+Qiz/xs6rfHbGSh1y1JYQss3"
    "wvYrbVre5wZCyzOUaAEvG9z4pecvswgW1ijJtkTLAoGAMCoRRr0FIhXVz14xZY2La6yCAIL2gu6PG9UYaJh+RnLt"
    "atmePLMV056ddhbupo84IqZBNFsw4xT950RNOkkuxR4wgP0nK/qQBA266be6SJ3cfjGOGhJic3+rovaXPrSLkTj0"
    "EFUA5dCQdAcsS8MwwrM8tmKYtRjE7jrQzywEl+w=";

constexpr std::size_t pem_line = 64;  // RFC 7468, 2.

}  // namespace

std::string published_key() {
  std::string pem = "-----BEGIN PRIVATE KEY-----\n";
  for (std::size_t i = 0; i < key_base64.size(); i += pem_line) {
    pem.append(key_base64.substr(i, pem_line)).push_back('\n');
  }
  return pem + "-----END PRIVATE KEY-----\n";
}

}  // namespace fanfare::emulator
