// A client's session and the server's side of it as a script: whole exchanges of messages without
// sockets, threads, TLS or clocks, so that each run executes the same instructions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "http2/client_session.h"

namespace fanfare::bench {

/// What a server that accepts everything says, written before anything is measured.
class Script {
 public:
  /// For so many batches of so many requests on one connection.
  Script(std::size_t batches, std::size_t batch_size);

  /// SETTINGS, and credit for all bodies.
  [[nodiscard]] const std::string& opening() const noexcept { return opening_; }
  /// The answers to one batch.
  [[nodiscard]] const std::string& answers(std::size_t batch) const { return answers_.at(batch); }

 private:
  std::string opening_;
  std::vector<std::string> answers_;
};

/// One connection, opened. The only place here that knows the session's interface.
class Connection {
 public:
  /// `token_chars`: length of the access token.
  Connection(http2::Http2Engine engine, const Script& script, std::size_t token_chars);

  /// Writes a request with this body. Its bytes are made, and thrown away, by `exchange`.
  void submit(const http2::BodyPieces& body) { session_->submit(next_id_++, head_, body); }

  /// Takes what the session wants to write and hears the answers to the next batch.
  /// `on_response` is called with each.
  template <class OnResponse>
  void exchange(OnResponse on_response) {
    take_output_and_hear_answers();
    for (http2::Ended& ended : ended_.all()) {
      if (ended.how != http2::Ended::How::answered) fail();
      on_response(ended.response);
    }
    ended_.clear();
  }

 private:
  void take_output_and_hear_answers();
  void hear(const std::string& bytes);
  [[noreturn]] static void fail();

  const Script& script_;
  std::unique_ptr<http2::ClientSession> session_;
  http2::SharedHead head_;
  http2::RequestId next_id_ = 1;
  std::size_t next_batch_ = 0;
  std::string output_;
  http2::EndedList ended_;
};

}  // namespace fanfare::bench
