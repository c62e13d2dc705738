// Hostile requests to the emulator: the first line is the method and the path, the rest the body.
// Whatever comes, there is exactly one answer, its body is what its type says, and the books
// balance.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "emulator/world.h"

namespace {

using namespace fanfare;

emulator::WorldOptions options() {
  emulator::WorldOptions options;
  options.any_project = true;
  options.devices = emulator::DeviceBook(emulator::GeneratorOptions{.count = 1'000, .seed = 1});
  return options;
}

void require(bool held) {
  if (!held) std::abort();
}

bool is_json(std::string_view text) {
  boost::json::parse_options deep;
  deep.max_depth = 200;  // Kept messages are embedded as they came.
  boost::system::error_code error;
  (void)boost::json::parse(text, error, {}, deep);
  return !error;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto line = input.substr(0, input.find('\n'));
  http2::Request request;
  request.method = line.substr(0, line.find(' '));
  request.path = line.size() > request.method.size() ? line.substr(request.method.size() + 1) : "/";
  request.body = line.size() < input.size() ? input.substr(line.size() + 1) : "";
  request.headers = {
      {"access_token_auth", "true"}, {"project_id", "123456789012"}, {"metadata-flavor", "Google"}};

  emulator::World world(options());
  const bool administrative = emulator::World::is_administrative(request);
  const auto plan = world.answer(request, SystemTime{} + std::chrono::hours(500'000));
  require(plan.mishap || (plan.response.status >= 200 && plan.response.status < 600));
  const auto type = http2::find_header(plan.response, "content-type");
  if (type.starts_with("application/json")) require(is_json(plan.response.body));
  const auto& books = world.books();
  require(books.sends.requests() + books.tokens.requests() + books.neighbours.requests() +
              books.others.requests() ==
          (administrative ? 0U : 1U));

  // What was kept must come out again.
  for (const auto* path : {"/_emulator/messages", "/_emulator/phones", "/_emulator/changes",
                           "/_emulator/requests", "/_emulator/faults", "/_emulator/stats"}) {
    http2::Request kept;
    kept.path = path;
    require(is_json(world.answer(kept, {}).response.body));
  }
  return 0;
}
