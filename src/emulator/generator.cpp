#include "emulator/generator.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "base/random.h"
#include "emulator/noise.h"

namespace fanfare::emulator {
namespace {

// <22>:APA91b<134>, of which the last 8 hold the index.
constexpr std::size_t instance_chars = 22;
constexpr std::string_view token_middle = ":APA91b";
constexpr std::size_t index_chars = 8;
constexpr std::size_t noise_chars = 134 - index_chars;
constexpr std::size_t token_chars =
    instance_chars + token_middle.size() + noise_chars + index_chars;
constexpr std::uint64_t index_mask = (std::uint64_t{1} << (6 * index_chars)) - 1;

constexpr std::string_view broken_start = "broken-";

// Thousandths of all devices, in the order of Health; what is left over lives.
constexpr std::array<std::uint64_t, health_count> thousandths = {0, 30, 15, 10, 10, 0,
                                                                 0, 0,  7,  7,  1};

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  return Random(Random(a).next() ^ b).next();
}

HealthCounts shares_of(std::uint64_t count) {
  HealthCounts shares{};
  std::uint64_t rest = count;
  for (std::size_t i = 1; i < health_count; ++i) {
    if (thousandths[i] == 0) continue;
    shares[i] = count * thousandths[i] / 1'000;
    if (count >= 1'000) shares[i] = std::max<std::uint64_t>(shares[i], 1);
    rest -= shares[i];
  }
  shares[0] = rest;
  return shares;
}

}  // namespace

Generator::Generator(GeneratorOptions options)
    : options_{std::min(options.count, max_generated), options.seed},
      shares_(shares_of(options_.count)) {}

// A permutation of 0..count-1 that needs no table, so that every health has its exact count and
// the sick are spread over the list: four Feistel rounds over the next even number of bits,
// repeated until the result falls inside ("cycle walking").
std::uint64_t Generator::rank(std::uint64_t index) const noexcept {
  unsigned half_bits = 1;
  while ((std::uint64_t{1} << (2 * half_bits)) < options_.count) ++half_bits;
  const std::uint64_t half_mask = (std::uint64_t{1} << half_bits) - 1;
  do {
    std::uint64_t left = index >> half_bits;
    std::uint64_t right = index & half_mask;
    for (std::uint64_t round = 0; round < 4; ++round) {
      const auto next = left ^ (mix(options_.seed + round, right) & half_mask);
      left = right;
      right = next;
    }
    index = (left << half_bits) | right;
  } while (index >= options_.count);
  return index;
}

Health Generator::health(std::uint64_t index) const {
  const auto place = rank(index);
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < health_count; ++i) {
    end += shares_[i];
    if (place < end) return static_cast<Health>(i);
  }
  return Health::living;
}

Platform Generator::platform(std::uint64_t index, Health health) const {
  if (health == Health::apns_disabled || health == Health::apns_disabled_404) return Platform::ios;
  const auto draw = mix(options_.seed ^ 0x706C6174U, index) % 100;
  if (draw < 70) return Platform::android;
  return draw < 95 ? Platform::ios : Platform::web;
}

std::string Generator::user(std::uint64_t index) const {
  const auto owners = std::max<std::uint64_t>(options_.count * 4 / 5, 1);
  return fmt::format("user-{:08}", index % owners);
}

std::string Generator::token(std::uint64_t index) const {
  return health(index) == Health::malformed ? broken_token(index) : good_token(index);
}

std::string Generator::good_token(std::uint64_t index) const {
  Random random(mix(options_.seed, index));
  std::string token;
  token.reserve(token_chars);
  token.push_back("cdef"[random.next() & 3U]);  // An installation ID starts with one of these.
  append_noise(token, random, instance_chars - 1);
  token.append(token_middle);
  append_noise(token, random, noise_chars);
  append_base64(token, (index ^ Random(options_.seed).next()) & index_mask, index_chars);
  return token;
}

// Neither the length of an installation ID nor the colon of a token.
std::string Generator::broken_token(std::uint64_t index) const {
  std::string token(broken_start);
  append_base64(token, index, index_chars);
  token.push_back('-');
  append_base64(token, mix(options_.seed, index), 4);
  return token;
}

std::optional<std::uint64_t> Generator::find(std::string_view token) const {
  std::optional<std::uint64_t> index;
  if (token.starts_with(broken_start) && token.size() >= broken_start.size() + index_chars) {
    index = parse_base64(token.substr(broken_start.size(), index_chars));
  } else if (token.size() == token_chars) {
    index = parse_base64(token.substr(token_chars - index_chars));
    if (index) index = (*index ^ Random(options_.seed).next()) & index_mask;
  }
  if (!index || *index >= options_.count || this->token(*index) != token) return std::nullopt;
  return index;
}

Result<void> write_device_list(const std::filesystem::path& path, GeneratorOptions options,
                               SystemTime newest) {
  if (options.count > max_generated) {
    return fail(Error::Kind::usage,
                fmt::format("{} devices are more than can be made up", options.count),
                fmt::format("ask for {} at most", max_generated));
  }
  constexpr std::uint64_t month_s = 30ULL * 86'400;
  const Generator generator(options);
  // A list of ten million is 2 GB, so it is streamed, and appears under its name when whole.
  auto unfinished = path;
  unfinished += ".tmp";
  std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
  file << "token,user,platform,last_seen\n";
  for (std::uint64_t i = 0; i < options.count && file; ++i) {
    const auto age = std::chrono::seconds(mix(options.seed ^ 0x7365656EU, i) % month_s);
    file << generator.token(i) << ',' << generator.user(i) << ',' << name_of(generator.platform(i))
         << ',' << format_rfc3339(std::chrono::floor<std::chrono::seconds>(newest) - age) << '\n';
  }
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(unfinished, path, error);
  if (!file || error) {
    std::error_code ignored;
    std::filesystem::remove(unfinished, ignored);
    return fail(Error::Kind::storage, fmt::format("can't write {}", path.string()),
                "check that the folder exists and has room");
  }
  return {};
}

}  // namespace fanfare::emulator
