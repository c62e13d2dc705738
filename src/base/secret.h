// Secret: text that must not reach a log, an error or a core of somebody else's report.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace fanfare {

/// A private key, an access token. Reading it takes an explicit call, which is easy to grep for;
/// printing it prints "[secret]". The memory is wiped when it is given up.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : text_(std::exchange(other.text_, {})) {}
  Secret& operator=(const Secret&) = default;
  Secret& operator=(Secret&& other) noexcept {
    wipe();
    text_ = std::exchange(other.text_, {});
    return *this;
  }
  ~Secret() { wipe(); }

  [[nodiscard]] std::string_view reveal() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }

 private:
  void wipe() noexcept {
    volatile char* bytes = text_.data();
    for (std::size_t i = 0; i < text_.size(); ++i) bytes[i] = 0;
  }
  std::string text_;
};

}  // namespace fanfare

template <>
struct fmt::formatter<fanfare::Secret> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  auto format(const fanfare::Secret&, format_context& context) const {
    return fmt::format_to(context.out(), "[secret]");
  }
};
