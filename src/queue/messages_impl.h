// The inside of Messages, for the files that implement it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "queue/messages.h"

namespace fanfare::queue {

using ProjectId = std::int64_t;

/// A due time that is behind this base is not its turn yet; without the base it is the real one.
inline constexpr std::int64_t parked = std::int64_t{1} << 61;

enum Flag : std::int64_t { flag_drop_unknown = 1, flag_validate_only = 2, flag_once = 4 };

struct Messages::Impl final : Participant {
  explicit Impl(Store& opened);
  ~Impl() override;

  void before_commit() override;
  void committed() noexcept override;
  void rolled_back() noexcept override;

  // Projects and their books.
  [[nodiscard]] ProjectId project_of(const std::string& name);  ///< Made if unknown.
  [[nodiscard]] std::optional<ProjectId> known_project(const std::string& name) const;
  [[nodiscard]] const std::string& name_of(ProjectId id) const;
  [[nodiscard]] Books& books_of(ProjectId id);  ///< To be changed: undone by a rollback.
  void move(ProjectId project, State from, State to);

  // Leases of this process.
  void hold(MessageId id, std::int64_t until);
  void let_go(MessageId id);

  /// A message leaves the table `message` for `ended`, and one that failed is told of: every end of
  /// a message passes here. False: it is not there.
  bool finish(Ending ending, std::int64_t now);
  /// What is sent once and was in the hands of somebody who is gone: it may have been sent.
  void lose(MessageId id);
  void release_text(std::int64_t text, std::int64_t users);
  void let_next_go(ProjectId project, std::string_view order_key);
  void flush_texts();

  Store& store;
  sqlite::Database& database;
  std::map<std::string, ProjectId, std::less<>> ids;
  std::map<ProjectId, std::string> names;
  std::map<std::string, Books> books;
  std::map<std::string, Books> books_before;           ///< Of those this transaction has changed.
  std::vector<std::string> projects_made;              ///< By this transaction.
  std::unordered_map<MessageId, std::int64_t> leases;  ///< Until when, in milliseconds.
  std::vector<std::pair<MessageId, std::optional<std::int64_t>>> leases_before;
  std::map<std::int64_t, std::int64_t> texts_released;
  bool turn_came = false;
  MessageId expiry_cursor = 0;
  MessageId purge_cursor = 0;
};

}  // namespace fanfare::queue
