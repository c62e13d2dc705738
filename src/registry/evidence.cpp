#include "registry/evidence.h"

#include "base/json_text.h"

namespace fanfare::registry {

std::string bounded_evidence(std::string_view evidence) {
  if (evidence.size() <= max_evidence_bytes) return std::string(evidence);
  // A sixth, because a byte may grow to six when it is escaped.
  std::string cut = R"({"cut":)";
  append_json_string(cut, utf8_prefix(evidence, max_evidence_bytes / 6 - 16));
  return cut + '}';
}

}  // namespace fanfare::registry
