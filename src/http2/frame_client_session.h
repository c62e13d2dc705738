// The client session whose frames are our own, for the one shape of request that a sender makes:
// thousands with the same head and small bodies, answered by small bodies. It costs a fraction of
// what nghttp2 does, and of nghttp2 it uses only the decompression of answers' headers.
//
// What is in which file: `request_writer` writes requests, `frame_reader` makes frames of the
// server's bytes, `answer_heads` reads their header blocks, `client_streams` holds what is open.
// The session judges frames and decides how requests end. RFC 9113 section numbers are given where
// a frame is refused.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http2/answer_heads.h"
#include "http2/client_session.h"
#include "http2/client_streams.h"
#include "http2/frame_reader.h"
#include "http2/peer_settings.h"
#include "http2/request_writer.h"

namespace fanfare::http2 {

class FrameClientSession final : public ClientSession {
 public:
  explicit FrameClientSession(const ClientLimits& limits);

  [[nodiscard]] std::size_t free_streams() const noexcept override;
  [[nodiscard]] std::size_t open_streams() const noexcept override { return streams_.size(); }
  void submit(RequestId id, const SharedHead& head, const BodyPieces& body) override;
  void cancel(RequestId id, std::string reason) override;
  void release_unsent(const std::string& reason) override;
  void ping() override;
  void receive(std::span<const std::uint8_t> bytes) override;
  void connection_lost(const std::string& reason) override;
  void shut_down() override;
  void take_output(std::string& out) override;
  void take_ended(EndedList& out) override { ended_.move_to(out); }
  [[nodiscard]] std::size_t take_pongs() noexcept override { return std::exchange(pongs_, 0); }
  [[nodiscard]] bool draining() const noexcept override;
  [[nodiscard]] bool dead() const noexcept override { return dead_; }
  [[nodiscard]] bool settled() const noexcept override { return settled_; }

 private:
  using How = Ended::How;

  // What the server says of streams (frame_client_receive.cpp).
  void on_frame(Frame& frame);
  void on_data(Frame& frame);
  void on_answer_data(ClientStream& stream, std::string_view bytes, bool last);
  void on_headers(const Frame& frame);
  void on_head(ClientStream& stream, const AnswerHead& head, bool last);
  void on_trailers(ClientStream& stream, const AnswerHead& trailers, bool last);
  void on_end_stream(ClientStream& stream, std::string_view rest = {});
  void on_rst_stream(const Frame& frame);
  void on_priority(const Frame& frame);
  void on_window_update(const Frame& frame);
  void credit_windows();
  [[nodiscard]] bool is_idle(std::uint32_t stream) const noexcept;

  // What it says of the connection (frame_client_connection.cpp).
  void on_settings(const Frame& frame);
  void apply(const PeerSettings& settings);
  void on_settings_ack(const Frame& frame);
  void on_ping(const Frame& frame);
  [[nodiscard]] bool count_acknowledgement();
  void on_goaway(const Frame& frame);

  // How requests end.
  [[nodiscard]] How end_of_silence(const ClientStream& stream) const noexcept;
  void answer(ClientStream& stream, std::string_view rest);
  void finish(ClientStream& stream, How how, std::string reason);
  void close(ClientStream& stream);
  void give_up(ClientStream& stream, How how, std::string reason);
  void refuse(ClientStream& stream, std::uint32_t error_code, std::string_view words);
  void fail(std::uint32_t error_code, std::string_view words);
  void die(const std::string& reason);
  void die_when_done();

  ClientLimits limits_;
  ClientStreams streams_;
  RequestWriter writer_;
  FrameReader reader_;
  AnswerHeads heads_;
  EndedList ended_;
  std::string output_;  ///< Goes before what `writer_` has.

  std::uint32_t next_stream_ = 1;
  std::uint32_t submitted_count_ = 0;

  std::uint32_t stream_window_ = 65'535;  ///< What a stream may send us; more after the server's
                                          ///< acknowledgement of our SETTINGS.
  std::uint32_t uncredited_bytes_ = 0;    ///< Of the connection; see ClientStream.
  std::vector<std::uint32_t> to_credit_;  ///< Streams that want a WINDOW_UPDATE.

  std::uint32_t last_stream_ = 0x7fff'ffff;     ///< Of the latest GOAWAY.
  std::string goaway_words_;                    ///< The latest GOAWAY received; empty before.
  std::optional<std::uint32_t> no_priorities_;  ///< Settings that must not change.
  bool connect_protocol_ = false;
  std::size_t unsent_acknowledgements_ = 0;  ///< In `output_`.
  std::size_t open_pings_ = 0;
  std::size_t pongs_ = 0;
  bool settings_acknowledged_ = false;
  bool settled_ = false;
  bool shutting_down_ = false;
  bool dead_ = false;
};

[[nodiscard]] std::unique_ptr<ClientSession> make_frame_client_session(const ClientLimits& limits);

}  // namespace fanfare::http2
