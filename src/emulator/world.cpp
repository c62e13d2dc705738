#include "emulator/world.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "emulator/path.h"
#include "emulator/url.h"

namespace fanfare::emulator {
namespace {

constexpr std::string_view admin_prefix = "/_emulator/";
constexpr std::size_t longest_noted = 4'096;
constexpr std::uint64_t most_streams = 1U << 30;

/// A request line is ASCII; what comes in its place must not break the JSON that shows it.
void put_printable(std::string& to, std::string_view text) {
  to.assign(text);
  for (char& c : to) c = c > ' ' && c < '\x7f' ? c : '?';
}

/// A person's browser. Libraries that look for a metadata server ask there, too, with its header.
bool wants_page(const http2::Request& request) {
  return request.method == "GET" && (request.path == "/" || request.path.starts_with("/?")) &&
         http2::find_header(request.headers, "metadata-flavor").empty();
}

}  // namespace

World::World(WorldOptions options)
    : project_(std::move(options.project)),
      project_number_(std::move(options.project_number)),
      any_project_(options.any_project),
      require_auth_(options.require_auth),
      plan_(std::move(options.faults)),
      devices_(std::move(options.devices)),
      tokens_(std::move(options.tokens)),
      identities_(std::move(options.identities)),
      journal_(options.kept_messages),
      names_(plan_.settings().seed) {
  shape_tokens();
}

void World::shape_tokens() {
  if (!tokens_) return;
  tokens_->set_life(faults().token_lifetime);
  tokens_->set_chars(faults().token_chars);
}

bool World::is_administrative(const http2::Request& request) {
  return request.path.starts_with(admin_prefix) || wants_page(request);
}

std::chrono::milliseconds World::delay_of(const http2::Request& request, SystemTime now) {
  return plan_.draw_latency(device_time(now), is_token_request(request));
}

void World::arrived(std::size_t connections) {
  ++in_flight_;
  connections_ = connections;
  books_.max_in_flight = std::max(books_.max_in_flight, in_flight_);
  books_.max_connections = std::max(books_.max_connections, connections_);
}

void World::answered() {
  --in_flight_;
}

void World::lost() {
  --in_flight_;
  ++books_.lost;
}

Plan World::answer(http2::Request request, SystemTime now) {
  const std::string target = request.path;  // Paths are short; the request itself may be moved.
  const auto path = split(target);
  if (is_administrative(request)) return administer(request, path, now);
  plan_.begin(device_time(now));
  begin_note(request, path.path, now);
  if (request.method == "POST" && path.send_project()) {
    rate_.add(now);
    auto processed = send(request, path, now);
    if (counts_for_quota(processed)) {
      quota_use_.add(quota_owner(path), now);
    }
    const auto answer = spoil(std::move(processed), path, now);
    books_.sends.add(finish_note("send", answer));
    return finish(answer, path, now);
  }
  if (auto response = answer_token_request(request, path, now)) {
    note_->plane = "token";
    note_->status = response->status;
    note_->kind = response->status == 0 ? "cut" : std::to_string(response->status);
    note_->fault = plan_.struck();
    note_->text.clear();
    note_->field.clear();
    books_.tokens.add(note_->kind);
    if (response->status == 0) return {{}, http2::Mishap::cut};
    return {*std::move(response)};
  }
  if (const auto answer = answer_neighbour(request, path, now)) {
    books_.neighbours.add(finish_note("neighbour", *answer));
    return finish(*answer, path, now);
  }
  const auto answer = html_not_found(path.path);
  books_.others.add(finish_note("other", answer));
  return finish(answer, path, now);
}

Plan World::finish(const Answer& answer, const Path& path, SystemTime now) {
  Plan plan;
  plan.mishap = answer.mishap;
  if (answer.fault == Fault::lower_streams) {
    plan.streams =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(faults().lowered_streams, most_streams));
  }
  if (answer.status == 0) return plan;
  const bool pretty = path.parameter("prettyPrint").value_or("true") != "false";
  plan.response = render(answer, pretty, common_headers(now));
  return plan;
}

void World::begin_note(const http2::Request& request, std::string_view path, SystemTime now) {
  note_ = &journal_.next_note();
  note_->at = now;
  put_printable(note_->method, std::string_view(request.method).substr(0, longest_noted));
  put_printable(note_->path, path.substr(0, longest_noted));
  note_->target_field.clear();
  note_->target.clear();
  note_->dry_run = false;
}

const std::string& World::finish_note(std::string_view plane, const Answer& answer) {
  note_->plane = plane;
  note_->kind = kind_of(answer);
  note_->status = answer.status;
  note_->fault = plan_.struck();
  const auto blame = blame_of(answer);
  note_->text = blame.text;
  note_->field = blame.field;
  return note_->kind;
}

const CommonHeaders& World::common_headers(SystemTime now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  if (!common_ || second != common_for_) {
    common_for_ = second;
    common_.emplace(format_http_date(second));
  }
  return *common_;
}

// --- path.h ---

World::Path World::split(std::string_view path) {
  const auto mark = path.find('?');
  if (mark == std::string_view::npos) return {path, {}};
  return {path.substr(0, mark), path.substr(mark + 1)};
}

std::optional<std::string_view> World::Path::parameter(std::string_view name) const {
  auto rest = query;
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return pair.substr(equals + 1);
    }
  }
  return std::nullopt;
}

std::uint64_t World::Path::number(std::string_view name, std::uint64_t otherwise) const {
  const auto text = parameter(name).value_or("");
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && !text.empty() && end == text.data() + text.size() ? value
                                                                                   : otherwise;
}

std::optional<std::string> World::Path::send_project() const {
  constexpr std::string_view before = "/v1/projects/";
  constexpr std::string_view after = "/messages:send";
  if (!path.starts_with(before) || !path.ends_with(after)) return std::nullopt;
  if (path.size() <= before.size() + after.size()) return std::nullopt;
  const auto project = path.substr(before.size(), path.size() - before.size() - after.size());
  if (!is_project_name(project)) return std::nullopt;
  return std::string(project);
}

}  // namespace fanfare::emulator
