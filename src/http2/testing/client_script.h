// A client session and the script of its server, for tests in which the server is hand-written
// frames.
#pragma once

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "http2/client_session.h"
#include "http2/testing/frames.h"

namespace fanfare::http2::testing {

inline std::vector<Frame> of_type(const std::vector<Frame>& frames, FrameType type) {
  std::vector<Frame> out;
  std::ranges::copy_if(frames, std::back_inserter(out),
                       [&](const Frame& frame) { return frame.type == type; });
  return out;
}

/// All headers of an answer, its own and the common ones.
inline Headers all_headers(const Response& response) {
  Headers all = response.headers;
  if (response.common) all.insert(all.end(), response.common->begin(), response.common->end());
  return all;
}

/// Streams are 1, 3, 5 … in order of submission.
class Client {
 public:
  explicit Client(Http2Engine engine, const ClientLimits& limits = {})
      : owned(make_client_session(engine, limits)), session(*owned) {}

  /// A client whose server has sent its SETTINGS.
  static std::unique_ptr<Client> settled(Http2Engine engine, const ClientLimits& limits = {}) {
    auto client = std::make_unique<Client>(engine, limits);
    client->hears(settings());
    (void)client->says();
    return client;
  }

  void hears(const std::string& bytes) {
    session.receive({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  }
  void hears_byte_by_byte(const std::string& bytes) {
    for (const char c : bytes) hears(std::string(1, c));
  }
  /// What the client writes since the last call.
  std::vector<Frame> says() {
    std::string out;
    session.take_output(out);
    return parse_frames(out);
  }
  /// What has ended since the last call.
  std::vector<Ended> ends() {
    EndedList out;
    session.take_ended(out);
    return {out.all().begin(), out.all().end()};
  }
  /// The one end there must be by now.
  Ended end() {
    auto all = ends();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? Ended{} : std::move(all[0]);
  }

  std::unique_ptr<ClientSession> owned;
  ClientSession& session;
};

/// A test of every engine: the scripts are the contract that they share.
class EngineTest : public ::testing::TestWithParam<Http2Engine> {
 protected:
  static std::unique_ptr<Client> settled(const ClientLimits& limits = {}) {
    return Client::settled(GetParam(), limits);
  }
};

inline std::string engine_name(const ::testing::TestParamInfo<Http2Engine>& info) {
  switch (info.param) {
    case Http2Engine::nghttp2:
      return "nghttp2";
    case Http2Engine::frames:
      return "frames";
  }
  std::unreachable();
}

/// Of INSTANTIATE_TEST_SUITE_P.
inline auto every_engine() {
  return ::testing::Values(Http2Engine::nghttp2, Http2Engine::frames);
}

}  // namespace fanfare::http2::testing
