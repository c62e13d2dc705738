// The queue against the model while the process that changes it is killed again and again.
//
// A child does random deeds, a few in each transaction, and tells of each transaction through a
// pipe once it is committed. It is killed (SIGKILL) at a moment drawn beforehand: by its parent
// after so many reports, or in the middle of its so-many-th write to a file, of which then all,
// half or nothing has arrived. The parent repeats on the model what was told. The queue must be
// like the model then, or like the model with the transaction that was under way, whole: so nothing
// that was told is lost, nothing is there twice, and the books balance.
//
// TRANSACTIONS=100000 says how many, SEED=N repeats a run that failed.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue/testing/model.h"
#include "queue/testing/world.h"

namespace fanfare::queue {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// How SQLite writes, from now on in this process: until the last write, which is the death of it.
int writes_left = 0;
int last_write_quarters = 0;  // How much of the last write arrives.

ssize_t write_until_death(int file, const void* bytes, std::size_t size, off_t at) {
  if (--writes_left <= 0) {
    const std::size_t part = size * static_cast<std::size_t>(last_write_quarters) / 4;
    if (part == 0 || ::pwrite(file, bytes, part, at) >= 0) ::raise(SIGKILL);
  }
  return ::pwrite(file, bytes, size, at);
}

// What a child is to do, and when it dies.
struct Life {
  std::uint64_t seed = 0;
  std::size_t reports = 0;
  int writes = 0;
  int last_write_quarters = 0;
};

void die_at_write(const Life& life) {
  writes_left = life.writes;
  last_write_quarters = life.last_write_quarters;
  sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  for (const char* name : {"pwrite", "pwrite64"}) {
    vfs->xSetSystemCall(vfs, name, reinterpret_cast<sqlite3_syscall_ptr>(write_until_death));
  }
}

void tell(int pipe, std::string_view text) {
  if (::write(pipe, text.data(), text.size()) < 0) ::_exit(1);
}

[[noreturn]] void fail_child(int pipe, const std::string& why) {
  tell(pipe, "!" + why);
  ::_exit(1);
}

// The deeds of one transaction, done to the model and, in a child, to the queue as well.
void do_some(Model& model, Random& random, const std::function<void(const Deed&)>& visit) {
  for (std::uint64_t left = 1 + random.below(4); left > 0; --left) {
    const Deed deed = model.draw(random);
    visit(deed);
  }
}

[[noreturn]] void live(const std::filesystem::path& path, Model model, const Life& life, int pipe) {
  die_at_write(life);
  Random random(life.seed);
  auto store = Store::open(path);
  if (!store) fail_child(pipe, store.error().what);
  std::unique_ptr<Messages> messages;
  const auto opened = (*store)->transact([&] { messages = std::make_unique<Messages>(**store); });
  if (!opened) fail_child(pipe, opened.error().what);
  // A small log, so that it is often written back.
  (*store)->database().execute("PRAGMA wal_autocheckpoint = 50");
  while (true) {
    const auto done = (*store)->transact([&] {
      do_some(model, random, [&](const Deed& deed) {
        const std::string came = perform(deed, *messages);
        const std::string expected = model.apply(deed);
        if (came != expected) fail_child(pipe, came + "\nnot: " + expected);
      });
    });
    if (!done) fail_child(pipe, done.error().what);
    tell(pipe, ".");
  }
}

// What a child told until it died.
std::string listen(int pipe, pid_t child, const Life& life) {
  std::string told;
  char bytes[4096];
  bool killed = false;
  while (true) {
    const ssize_t count = ::read(pipe, bytes, sizeof bytes);
    if (count <= 0) return told;
    told.append(bytes, static_cast<std::size_t>(count));
    if (!killed && told.size() >= life.reports) {
      ::kill(child, SIGKILL);
      killed = true;
    }
  }
}

std::string run_and_kill(const std::filesystem::path& path, const Model& model, const Life& life) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("no child");
  if (child == 0) live(path, model, life, ends[1]);
  ::close(ends[1]);
  std::string told = listen(ends[0], child, life);
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return told;
}

struct Tally {
  std::uint64_t transactions = 0;
  std::uint64_t deaths = 0;
  std::uint64_t in_a_write = 0;
  std::uint64_t done_untold = 0;
};

class Crash : public World {
 protected:
  Crash() { close(); }

  void live_and_die(const Life& life) {
    const std::string told = run_and_kill(path(), model_, life);
    ASSERT_EQ(told.find('!'), std::string::npos) << told.substr(told.find('!'));
    ++tally_.deaths;
    tally_.in_a_write += told.size() < life.reports ? 1U : 0U;
    tally_.transactions += told.size();
    repeat(told.size(), life);
  }

  Model model_;
  Tally tally_;

 private:
  void repeat(std::size_t told, const Life& life) {
    Random random(life.seed);
    for (std::size_t i = 0; i < told; ++i) apply_some(random);
    open();
    EXPECT_EQ(store_->database().integer("SELECT count(*) FROM pragma_integrity_check"
                                         " WHERE integrity_check <> 'ok'"),
              0);
    if (!is_like_model()) {
      apply_some(random);
      ++tally_.done_untold;
      ASSERT_TRUE(is_like_model())
          << picture_of(*messages_, model_.last(), model_.now()) << "\nnot:\n"
          << opened_model().picture();
    }
    model_.reopen();
    close();
  }
  void apply_some(Random& random) {
    do_some(model_, random, [&](const Deed& deed) { std::ignore = model_.apply(deed); });
  }
  [[nodiscard]] Model opened_model() const {
    Model opened = model_;
    opened.reopen();
    return opened;
  }
  [[nodiscard]] bool is_like_model() {
    return picture_of(*messages_, model_.last(), model_.now()) == opened_model().picture();
  }
};

TEST_F(Crash, LeavesWhatWasToldAndTheTransactionUnderWayWholeOrNotAtAll) {
  const std::uint64_t seed = setting("SEED", std::random_device{}());
  const std::uint64_t wanted = setting("TRANSACTIONS", 4'000);
  SCOPED_TRACE("repeat with SEED=" + std::to_string(seed));
  Random lots(seed);
  while (tally_.transactions < wanted && !HasFailure()) {
    live_and_die({.seed = lots.next(),
                  .reports = 1 + lots.below(150),
                  .writes = 1 + static_cast<int>(lots.below(2'000)),
                  .last_write_quarters = static_cast<int>(lots.below(5))});
  }
  std::cout << tally_.transactions << " transactions, " << tally_.deaths << " deaths, "
            << tally_.in_a_write << " of them in the middle of a write; " << tally_.done_untold
            << " transactions were done but not told\n";
  EXPECT_GT(tally_.in_a_write, 0U);
}

}  // namespace
}  // namespace fanfare::queue
