// Evidence, as it is kept: cut to a size, and packed. Answers of FCM are alike, so zstd with their
// usual words as a dictionary makes a fifth of them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "sqlite/sqlite.h"

namespace fanfare::registry {

inline constexpr std::size_t max_evidence_bytes = 8U << 10;

/// The evidence as it is kept. Longer than the limit, it becomes {"cut":"…"} with its beginning:
/// still JSON, still readable by a person.
[[nodiscard]] std::string bounded_evidence(std::string_view evidence);

/// {"name":"value"}, always in the same form.
[[nodiscard]] std::string evidence_of(std::string_view name, std::string_view value);

/// The two columns of an event that hold its evidence: short texts are kept as they are.
class PackedEvidence {
 public:
  explicit PackedEvidence(std::string_view evidence);
  [[nodiscard]] std::string_view text() const noexcept { return text_; }  ///< Empty when packed.
  [[nodiscard]] std::optional<sqlite::Blob> bytes() const noexcept;       ///< Nothing: not packed.

 private:
  std::string_view text_;  // The caller's.
  std::string bytes_;
};

/// The inverse, of both columns. Bytes that can't be unpacked give {"damaged":"…"}.
[[nodiscard]] std::string stored_evidence(std::string text, std::string_view packed);

}  // namespace fanfare::registry
