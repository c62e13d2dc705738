// CommandRunner: runs a program for an oauth::CommandRequest and collects its standard output,
// without holding up the loop it lives on.
#pragma once

#include <memory>

#include "oauth/token_source.h"

namespace boost::asio {
class io_context;
}

namespace fanfare::client {

/// Lives on the io_context's thread. Destroyed, it kills what still runs and answers it as not
/// answered.
class CommandRunner {
 public:
  using Clock = std::function<SystemTime()>;
  CommandRunner(boost::asio::io_context& io, Clock clock);
  ~CommandRunner();
  CommandRunner(const CommandRunner&) = delete;
  CommandRunner& operator=(const CommandRunner&) = delete;

  /// Answered: it ended by itself, with this exit status and output. Standard error is left to it.
  void run(const oauth::CommandRequest& request, oauth::TokenReplyHandler on_reply);

 private:
  struct Run;
  boost::asio::io_context& io_;
  Clock clock_;
  std::shared_ptr<Run> run_;  ///< A TokenSource has one fetch under way.
};

}  // namespace fanfare::client
