// How libFuzzer changes the input of a target that reads a server's frames. Bytes changed at random
// mostly break the length of a frame and with it all that follows; this one changes, moves and adds
// whole frames, and leaves some mutations to libFuzzer. Define by including it in the target.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http2/testing/frames.h"

// Weak, as the program that replays a corpus is without libFuzzer.
extern "C" __attribute__((weak)) std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                                                              std::size_t max_size);

namespace fanfare::http2::testing {

/// A script of frames behind the two bytes that choose how it is told.
class Mutator {
 public:
  Mutator(std::string_view input, unsigned seed) : random_(seed), story_(input.substr(0, 2)) {
    input.remove_prefix(story_.size());
    while (auto frame = next_frame(input)) frames_.push_back(std::move(*frame));
    rest_ = input;
  }

  void mutate() {
    for (std::size_t i = any(3) + 1; i > 0; --i) mutate_once();
  }
  [[nodiscard]] std::string bytes() const {
    std::string out = story_;
    for (const auto& frame : frames_) out += write_frame(frame);
    return out + rest_;
  }

 private:
  std::size_t any(std::size_t count) { return random_() % count; }
  template <class T, std::size_t size>
  T one_of(const std::array<T, size>& choices) {
    return choices.at(any(size));
  }
  std::uint32_t a_stream() {
    return one_of(std::array<std::uint32_t, 14>{1, 1, 3, 3, 5, 7, 9, 11, 13, 15, 17, 21, 0, 2});
  }

  void mutate_once() {
    const std::size_t deed = any(9);
    if (frames_.empty() || deed == 0) {
      frames_.insert(frames_.begin() + static_cast<std::ptrdiff_t>(any(frames_.size() + 1)),
                     a_frame());
      return;
    }
    Frame& frame = frames_.at(any(frames_.size()));
    switch (deed) {
      case 1:
        frame.flags = static_cast<std::uint8_t>(frame.flags ^ 1U << any(6));
        break;
      case 2:
        frame.stream = a_stream();
        break;
      case 3:
        frames_.insert(frames_.begin() + static_cast<std::ptrdiff_t>(any(frames_.size())), frame);
        break;
      case 4:
        frames_.erase(frames_.begin() + static_cast<std::ptrdiff_t>(any(frames_.size())));
        break;
      case 5:
        std::swap(frame, frames_.at(any(frames_.size())));
        break;
      case 6:
        frames_.push_back(a_frame());
        break;
      case 7:
        for (char& c : story_) c = static_cast<char>(any(256));
        break;
      default:
        mutate_payload(frame.payload);
    }
  }

  void mutate_payload(std::string& payload) {
    const std::size_t size = payload.size();
    const std::size_t most = std::min<std::size_t>(size + 20, 300);
    if (size > most) return;
    payload.resize(most);
    payload.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(payload.data()), size, most));
  }

  /// What a server might say, rightly or wrongly.
  Frame a_frame() {
    switch (any(11)) {
      case 0:
        return {FrameType::settings, flag::none, 0, a_setting() + (any(2) == 0 ? a_setting() : "")};
      case 1:
        return {FrameType::rst_stream, flag::none, a_stream(),
                number(one_of(std::array<std::uint32_t, 4>{0, 7, 8, 2}))};
      case 2:
        return {FrameType::window_update, flag::none, a_stream(),
                number(one_of(std::array<std::uint32_t, 5>{1, 10, 30'000, 0x7fff'0000, 0}))};
      case 3:
        return {FrameType::goaway, flag::none, 0,
                number(one_of(std::array<std::uint32_t, 6>{0, 1, 3, 5, 0x7fff'ffff, 2})) +
                    number(0) + "words"};
      case 4:
        return {FrameType::ping, one_of(std::array<std::uint8_t, 2>{0, flag::ack}), 0,
                std::string(8, '\0')};
      case 5:
        return {FrameType::data,
                one_of(std::array<std::uint8_t, 3>{0, flag::end_stream, flag::padded}), a_stream(),
                std::string("\x01") + std::string(any(6), 'd')};
      case 7:
        return {FrameType::priority, flag::none, a_stream(), number(a_stream()) + '\x10'};
      case 6:
        return {FrameType::continuation, one_of(std::array<std::uint8_t, 2>{0, flag::end_headers}),
                a_stream(), a_block()};
      default:
        return {FrameType::headers,
                one_of(std::array<std::uint8_t, 4>{flag::end_headers,
                                                   flag::end_headers | flag::end_stream,
                                                   flag::end_headers | flag::end_stream, 0}),
                a_stream(), a_block()};
    }
  }

  std::string a_block() {
    using namespace std::string_literals;
    std::string block = one_of(std::array{"\x88"s, "\x88"s, "\x88"s, "\x89"s,
                                          "\x48\x03"
                                          "103"s,
                                          ""s, "\x20\x88"s, "\x3f\xe1\x1f\x88"s});
    for (std::size_t i = any(4); i > 0; --i) {
      block += one_of(std::array{"\xbe"s, "\xbf"s, "\x40\x01\x61\x01\x62"s, "\x40\x01\x63\x01\x64"s,
                                 "\x00\x01\x65\x01\x66"s, "\x0f\x0d\x01\x33"s, "\x5c\x01\x33"s,
                                 "\x10\x01\x41\x01\x62"s, "\x3f\x45"s, "\x0f\x0d\x01\x30"s,
                                 "\x00\x02te\x08trailers"s,
                                 "\x40\x01\x67\x7f\xe9\x06"s + std::string(1'000, 'x')});
    }
    return block;
  }

  std::string a_setting() {
    const auto id = static_cast<char>(any(9) + 1);
    return std::string{'\0', id} + number(one_of(std::array<std::uint32_t, 9>{
                                       0, 1, 2, 10, 100, 4'096, 65'535, 100'000, 0x7fff'ffff}));
  }

  static std::string number(std::uint32_t value) {
    std::string out;
    for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(value >> shift & 0xffU);
    return out;
  }

  std::minstd_rand random_;
  std::string story_;
  std::vector<Frame> frames_;
  std::string rest_;
};

}  // namespace fanfare::http2::testing

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  if (size < 2 || seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  fanfare::http2::testing::Mutator mutator({reinterpret_cast<const char*>(data), size}, seed);
  mutator.mutate();
  const std::string bytes = mutator.bytes();
  const std::size_t count = std::min(bytes.size(), max_size);
  std::memcpy(data, bytes.data(), count);
  return count;
}
