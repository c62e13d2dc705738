#include "cli/rejects.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace fanfare::cli {
namespace {

constexpr std::uint64_t shown_bad_lines = 20;

}  // namespace

Result<void> Rejects::open(const std::string& path, std::string comment, bool go_on) {
  if (path.empty()) return {};
  path_ = path;
  comment_ = std::move(comment);
  file_.reset(std::fopen(path.c_str(), go_on ? "a" : "w"));
  if (!file_) return failure("create");
  needs_header_ = std::fseek(file_.get(), 0, SEEK_END) != 0 || std::ftell(file_.get()) <= 0;
  return {};
}

Result<void> Rejects::begin_with(const std::string& header) {
  if (!needs_header_ || header.empty()) return {};
  needs_header_ = false;
  return write(header + '\n');
}

Result<void> Rejects::add(const registry::BadLine& line) {
  ++count_;
  const std::string what = printable(line.what);
  if (count_ <= shown_bad_lines) {
    log_.write(LogLevel::warning, fmt::format("{}:{}: {}", source_, line.number, what));
  }
  if (!file_) return {};
  std::string text = fmt::format("{} line {}: {}\n", comment_, line.number, what);
  if (line.bytes > line.text.size()) {
    text += fmt::format("{} it is cut: of its {} bytes {} follow\n", comment_, line.bytes,
                        line.text.size());
  }
  return write(text + line.text + '\n');
}

Result<void> Rejects::flush() {
  if (file_ && std::fflush(file_.get()) != 0) return failure("write");
  return {};
}

void Rejects::finish() {
  if (count_ <= shown_bad_lines) return;
  log_.write(LogLevel::warning,
             fmt::format("… and {} more{}", counted(count_ - shown_bad_lines, "bad line"),
                         path_.empty() ? "; --rejects FILE keeps them all" : ", in " + path_));
}

Result<void> Rejects::write(const std::string& text) {
  if (file_ && std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) {
    return failure("write");
  }
  return {};
}

std::unexpected<Error> Rejects::failure(const char* deed) const {
  return fail(Error::Kind::storage,
              fmt::format("can't {} {}: {}", deed, path_, std::strerror(errno)),
              "check the path given to --rejects");
}

}  // namespace fanfare::cli
