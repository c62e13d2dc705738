// BooksWatch: counts the store's rows again and again, beside all others, and compares them with
// the books (P11). A difference would be a fault of ours; it is shown and alarms.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace fanfare::gateway {

class BooksWatch {
 public:
  explicit BooksWatch(std::filesystem::path store);
  ~BooksWatch();
  BooksWatch(const BooksWatch&) = delete;
  BooksWatch& operator=(const BooksWatch&) = delete;

  /// How many projects' books did not balance when last looked at.
  [[nodiscard]] std::uint64_t mismatches() const noexcept { return mismatches_; }
  [[nodiscard]] std::vector<std::string> faults() const;

 private:
  void work();
  void look();

  const std::filesystem::path store_;
  std::atomic<std::uint64_t> mismatches_ = 0;
  mutable std::mutex mutex_;  // Guards the next two.
  std::vector<std::string> faults_;
  bool closing_ = false;
  std::condition_variable closed_;
  std::thread thread_;  // Last: it uses the others.
};

}  // namespace fanfare::gateway
