// /_emulator/: what the phones got and are, live; and the life of a device at the hands of a test.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "emulator/admin.h"
#include "emulator/noise.h"
#include "emulator/path.h"
#include "emulator/schema.h"
#include "emulator/show.h"
#include "emulator/url.h"
#include "emulator/world.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::uint64_t default_phones = 100;
constexpr std::uint64_t most_phones = 1'000;
constexpr std::uint64_t default_rows = 200;
constexpr std::uint64_t most_rows = 10'000;
constexpr std::size_t deliveries_looked_at = 2'000;  // For the list of phones.
constexpr std::uint64_t longest_wait_s = 60;
constexpr std::chrono::days longest_jump{3'660};

/// A message that was taken once, read again.
json::object parse_message(const KeptMessage& kept) {
  json::parse_options options;
  options.max_depth = 128;
  const auto request = json::parse(kept.request, {}, options);
  const auto* message = object_in(request.get_object(), "message");
  return message != nullptr ? *message : json::object{};
}

json::value text_or_null(std::string_view text) {
  if (text.empty()) return nullptr;
  return json::string(text);
}

/// A fresh registration of the kind that the client libraries make.
std::string make_registration(bool fid, Random& random) {
  std::string text(1, "cdef"[random.below(4)]);
  append_noise(text, random, 21);
  if (fid) return text;
  text += ":APA91b";
  append_noise(text, random, 134);
  return text;
}

std::optional<json::object> parse_body(const http2::Request& request) {
  if (request.body.empty()) return json::object{};
  boost::system::error_code error;
  auto value = json::parse(request.body, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

http2::Response not_an_object() {
  return admin_refusal(400, "the body is not a JSON object", R"(send for example {})");
}

bool flag_in(const json::object& body, std::string_view name, bool otherwise) {
  const auto* value = body.if_contains(name);
  return value != nullptr && value->is_bool() ? value->get_bool() : otherwise;
}

std::optional<std::uint64_t> count_in(const json::object& body, std::string_view name) {
  const auto* value = body.if_contains(name);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return std::nullopt;
  return static_cast<std::uint64_t>(value->get_int64());
}

/// Whether a delivery belongs to what the inbox was asked for.
struct InboxFilter {
  std::optional<std::string> device;
  std::optional<std::string> topic;
  std::optional<std::string> user;

  [[nodiscard]] bool any() const { return device || topic || user; }
};

/// wait_s, or wait_ms.
std::chrono::milliseconds patience_of(std::uint64_t wait_s, std::uint64_t wait_ms) {
  return std::min<std::chrono::milliseconds>(
      std::chrono::seconds(std::min(wait_s, longest_wait_s)) +
          std::chrono::milliseconds(std::min(wait_ms, 1'000 * longest_wait_s)),
      std::chrono::seconds(longest_wait_s));
}

}  // namespace

// --- phones ---

/// Of the latest deliveries, read once for all phones.
struct World::RecentActivity {
  struct OfPhone {
    std::uint64_t deliveries = 0;
    std::uint64_t unread = 0;
    json::value badge;  ///< That of the latest message that names one.
  };
  std::vector<const std::string*> newest_first;
  std::unordered_map<std::string_view, OfPhone> phones;
};

/// Those with the latest deliveries first, then the others that somebody keeps.
http2::Response World::list_phones(const Path& path) {
  const auto limit = std::min(path.number("limit", default_phones), most_phones);
  const auto user = query_value(path.query, "user");
  const auto recent = recent_activity();
  std::unordered_set<std::string_view> seen;
  json::array all;
  const auto add = [&](const std::string& registration) {
    if (all.size() >= limit || !seen.insert(registration).second) return;
    if (user && user_of(registration) != *user) return;
    all.push_back(describe_phone(registration, recent));
  };
  for (const auto* registration : recent.newest_first) add(*registration);
  for (const auto& [registration, phone] : phones_.all()) add(registration);
  return admin_answer(200, json::object{{"phones", std::move(all)}});
}

std::string World::user_of(std::string_view registration) {
  const auto device = devices_.find(registration);
  return device ? devices_.user(device->index) : std::string();
}

World::RecentActivity World::recent_activity() {
  RecentActivity recent;
  const auto& deliveries = journal_.deliveries();
  const auto oldest = deliveries.size() - std::min(deliveries.size(), deliveries_looked_at);
  for (auto i = deliveries.size(); i > oldest; --i) {
    const auto& one = deliveries[i - 1];
    const auto& registration = journal_.registration_of(one);
    const auto [place, is_new] = recent.phones.try_emplace(registration);
    if (is_new) recent.newest_first.push_back(&registration);
    auto& seen = place->second;
    ++seen.deliveries;
    const auto* phone = phones_.find(registration);
    const auto read_up_to = phone != nullptr ? phone->read_up_to : 0;
    if (one.id <= read_up_to || one.outcome != Outcome::delivered) continue;
    const auto shown = shown_on(one.platform, parse_message(journal_.message(one.message)));
    if (shown.is_null()) continue;
    ++seen.unread;
    const auto* given = shown.get_object().if_contains("badge");
    if (given != nullptr && seen.badge.is_null()) seen.badge = *given;
  }
  return recent;
}

json::object World::describe_phone(const std::string& registration, const RecentActivity& recent) {
  const auto device = devices_.find(registration);
  const auto* phone = phones_.find(registration);
  const auto platform = device ? device->platform : Platform::unknown;
  const auto place = recent.phones.find(registration);
  const auto seen = place == recent.phones.end() ? RecentActivity::OfPhone{} : place->second;
  auto badge = seen.badge;
  // Android counts what is shown, an iOS app says the number itself.
  if (badge.is_null() && seen.unread > 0 && platform != Platform::ios &&
      platform != Platform::web) {
    badge = seen.unread;
  }
  return {{"device", registration},
          {"kind", registration.find(':') == std::string::npos ? "fid" : "token"},
          {"platform", name_of(platform)},
          {"user", text_or_null(user_of(registration))},
          {"app", text_or_null(phone != nullptr ? phone->app : std::string())},
          {"health", name_of(device ? device->health : Health::unregistered)},
          {"online", phone == nullptr || phone->online},
          {"installed", phone == nullptr || phone->installed},
          {"badge", std::move(badge)},
          {"pending", phone != nullptr ? phone->waiting.size() : 0},
          {"deliveries", seen.deliveries}};
}

// --- deliveries ---

json::object World::describe_delivery(const Delivery& delivery) {
  const auto& kept = journal_.message(delivery.message);
  const auto message = parse_message(kept);
  const auto handling = handling_on(delivery.platform, message, delivery.accepted);
  const auto& registration = journal_.registration_of(delivery);
  json::value via;
  if (kept.reached) via = json::object{{kept.target_field, kept.target}};
  json::value settled;
  if (!is_waiting(delivery.outcome)) settled = format_rfc3339(delivery.settled);
  return {{"id", delivery.id},
          {"change", delivery.change},
          {"message", kept.name},
          {"device", registration},
          {"platform", name_of(delivery.platform)},
          {"user", text_or_null(user_of(registration))},
          {"via", std::move(via)},
          {"outcome", name_of(delivery.outcome)},
          {"accepted_at", format_rfc3339(delivery.accepted)},
          {"settled_at", std::move(settled)},
          {"priority", handling.high_priority ? "high" : "normal"},
          {"ttl_s", handling.ttl.count()},
          {"collapse_key", text_or_null(handling.collapse_key)},
          {"shown", shown_on(delivery.platform, message)},
          {"data", data_on(delivery.platform, message)}};
}

Plan World::list_inbox(const Path& path, SystemTime now) {
  phones_.settle_due(device_time(now), settle_at(device_time(now)));
  const InboxFilter filter{query_value(path.query, "device"), query_value(path.query, "topic"),
                           query_value(path.query, "user")};
  if (!filter.any()) {
    return {admin_refusal(400, "whose inbox is not said", "name a device, a topic or a user")};
  }
  const auto after = path.number("after", 0);
  const auto limit = std::min(path.number("limit", default_rows), most_rows);
  const auto wanted = path.number("count", 1);
  auto next = after;
  std::uint64_t delivered = 0;
  json::array rows;
  const auto& deliveries = journal_.deliveries();
  const auto first = journal_.next_delivery() - deliveries.size();
  for (auto id = std::max(after + 1, first); id < journal_.next_delivery(); ++id) {
    const auto& one = deliveries[id - first];
    const auto& kept = journal_.message(one.message);
    const auto& registration = journal_.registration_of(one);
    if (filter.device && registration != *filter.device) continue;
    if (filter.topic && (kept.target_field != "topic" || kept.target != *filter.topic)) continue;
    if (filter.user && user_of(registration) != *filter.user) continue;
    if (rows.size() >= limit) break;
    if (one.outcome == Outcome::delivered) ++delivered;
    next = one.id;
    rows.emplace_back(describe_delivery(one));
  }
  Plan plan;
  plan.response = admin_answer(200, json::object{{"next", next}, {"deliveries", std::move(rows)}});
  if (delivered < wanted) {
    plan.patience = patience_of(path.number("wait_s", 0), path.number("wait_ms", 0));
  }
  return plan;
}

// --- all that changes ---

namespace {

json::object describe_request(const RequestNote& note) {
  const auto meaning = meaning_of(note.kind, note.field, note.fault);
  json::value target;
  if (!note.target_field.empty()) target = json::object{{note.target_field, note.target}};
  return {{"change", note.change},
          {"at", format_rfc3339(note.at)},
          {"method", note.method},
          {"path", note.path},
          {"plane", note.plane},
          {"target", std::move(target)},
          {"dry_run", note.dry_run},
          {"status", note.status},
          {"kind", note.kind},
          {"fault",
           note.fault == Fault::none ? json::value(nullptr) : json::value(name_of(note.fault))},
          {"text", text_or_null(note.text)},
          {"field", text_or_null(note.field)},
          {"meaning", meaning.what},
          {"advice", meaning.advice}};
}

}  // namespace

Plan World::list_changes(const Path& path, SystemTime now) {
  phones_.settle_due(device_time(now), settle_at(device_time(now)));
  const auto after = path.number("after", 0);
  const auto limit = std::min(path.number("limit", default_rows), most_rows);
  std::vector<const Delivery*> deliveries;
  for (std::size_t i = 0; i < journal_.deliveries().size(); ++i) {
    const auto& one = journal_.deliveries()[i];
    if (one.change > after) deliveries.push_back(&one);
  }
  std::vector<const RequestNote*> requests;
  for (std::size_t i = 0; i < journal_.notes().size(); ++i) {
    const auto& note = journal_.notes()[i];
    if (note.change > after) requests.push_back(&note);
  }
  // A delivery that has changed since is new again.
  std::sort(deliveries.begin(), deliveries.end(),
            [](const auto* a, const auto* b) { return a->change < b->change; });

  // The newest of each, when there are too many.
  const auto skip = [&](const auto& all) { return all.size() > limit ? all.size() - limit : 0; };
  json::array delivery_rows;
  for (std::size_t i = skip(deliveries); i < deliveries.size(); ++i) {
    delivery_rows.emplace_back(describe_delivery(*deliveries[i]));
  }
  json::array request_rows;
  for (std::size_t i = skip(requests); i < requests.size(); ++i) {
    request_rows.emplace_back(describe_request(*requests[i]));
  }
  const bool missed = (after > 0 && after < journal_.forgotten()) || after > journal_.changes() ||
                      (after > 0 && skip(deliveries) + skip(requests) > 0);
  const bool nothing = delivery_rows.empty() && request_rows.empty() && faults_changed_ <= after &&
                       phones_changed_ <= after && !missed;
  Plan plan;
  plan.response = admin_answer(200, json::object{{"next", journal_.changes()},
                                                 {"deliveries", std::move(delivery_rows)},
                                                 {"requests", std::move(request_rows)},
                                                 {"faults_changed", faults_changed_ > after},
                                                 {"phones_changed", phones_changed_ > after},
                                                 {"missed", missed}});
  if (nothing) plan.patience = patience_of(path.number("wait_s", 0), path.number("wait_ms", 0));
  return plan;
}

http2::Response World::list_requests(const Path& path) const {
  const auto limit = std::min(path.number("limit", default_rows), most_rows);
  const auto& notes = journal_.notes();
  json::array rows;
  for (auto i = notes.size(); i > 0 && rows.size() < limit; --i) {
    rows.emplace_back(describe_request(notes[i - 1]));
  }
  return admin_answer(200, json::object{{"requests", std::move(rows)}});
}

// --- the clock ---

http2::Response World::set_clock(const http2::Request& request, SystemTime now) {
  if (request.method == "POST") {
    const auto body = parse_body(request);
    if (!body) return not_an_object();
    const auto advance = count_in(*body, "advance_s");
    const auto limit = std::chrono::seconds(longest_jump);
    if (!advance || ahead_ + std::chrono::seconds(*advance) > limit) {
      return admin_refusal(400, "advance_s is not whole seconds up to ten years in all",
                           R"(send for example {"advance_s":86400}; time does not go back)");
    }
    ahead_ += std::chrono::seconds(*advance);
    phones_.settle_due(device_time(now), settle_at(device_time(now)));
  }
  return admin_answer(
      200, json::object{{"now", format_rfc3339(device_time(now))}, {"ahead_s", ahead_.count()}});
}

// --- the life of a device ---

http2::Response World::register_device(const http2::Request& request, SystemTime now) {
  const auto body = parse_body(request);
  if (!body) return not_an_object();
  const auto platform = parse_platform(text_in(*body, "platform"));
  if (!platform) {
    return admin_refusal(400, "there is no such platform", "platform is android, ios or web");
  }
  const auto kind = text_in(*body, "kind");
  if (!kind.empty() && kind != "token" && kind != "fid") {
    return admin_refusal(400, "there is no such kind", "kind is token or fid");
  }
  auto registration = std::string(text_in(*body, "registration"));
  if (registration.empty()) registration = make_registration(kind == "fid", names_);
  if (!looks_like_registration(registration)) {
    return admin_refusal(400, "the registration looks like neither a token nor a FID",
                         "leave it out, and one is made");
  }
  const auto known = devices_.known(registration);
  const bool is_fid = registration.find(':') == std::string::npos;
  if (known && known->health == Health::unregistered && !is_fid) {
    return admin_refusal(409, "a dead token does not come back", "register without one");
  }
  if (!known && !devices_.adopt(registration, *platform, std::string(text_in(*body, "user")))) {
    return admin_refusal(409, "no more devices are remembered",
                         "POST /_emulator/reset, or restart");
  }
  auto* phone = phones_.find_or_add(registration, *platform);
  if (phone == nullptr) {
    return admin_refusal(409, "no more phones are remembered", "start the emulator anew");
  }
  devices_.set_health(devices_.find(registration)->index, Health::living);
  phone->installed = true;
  phone->app = text_in(*body, "app");
  const auto present = device_time(now);
  if (flag_in(*body, "online", true)) {
    Phones::connect(*phone, present, settle_at(present));
  } else {
    Phones::disconnect(*phone, present);
  }
  phones_changed_ = journal_.touch();
  return admin_answer(201, describe_phone(registration, recent_activity()));
}

/// `place` is "{registration}/{action}".
http2::Response World::act_on_device(const http2::Request& request, std::string_view place,
                                     SystemTime now) {
  const auto slash = place.rfind('/');
  if (slash == std::string_view::npos) {
    return admin_refusal(404, "an action is missing", device_actions);
  }
  const auto registration = percent_decode(place.substr(0, slash));
  const auto action = place.substr(slash + 1);
  const auto body = parse_body(request);
  if (!body) return not_an_object();
  const auto device = devices_.find(registration);
  if (!device || device->index == DeviceBook::uncounted) {
    return admin_refusal(404, "there is no such device", "POST /_emulator/devices registers one");
  }
  auto* phone = phones_.find_or_add(registration, device->platform);
  if (phone == nullptr) {
    return admin_refusal(409, "no more phones are remembered", "start the emulator anew");
  }
  phones_changed_ = journal_.touch();
  const auto present = device_time(now);
  if (action == "rotate" || action == "migrate") {
    return replace_device(*device, registration, action == "migrate");
  }
  if (action == "online") {
    Phones::connect(*phone, present, settle_at(present));
  } else if (action == "offline") {
    Phones::disconnect(*phone, present);
  } else if (action == "uninstall") {
    phone->installed = false;
    phone->still_accepted = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(count_in(*body, "accepted_before_404").value_or(1), 1'000'000));
    if (phone->still_accepted == 0) devices_.set_health(device->index, Health::unregistered);
  } else if (action == "expire") {
    devices_.set_health(device->index, Health::unregistered);
  } else if (action == "disable-apns") {
    const auto as = text_in(*body, "as");
    devices_.set_health(device->index,
                        as == "404" ? Health::apns_disabled_404 : Health::apns_disabled);
  } else if (action == "health") {
    const auto health = parse_health(text_in(*body, "health"));
    if (!health) {
      return admin_refusal(400, "there is no such health",
                           R"(send for example {"health":"living"})");
    }
    devices_.set_health(device->index, *health);
  } else if (action == "read") {
    phone->read_up_to = journal_.next_delivery() - 1;
  } else {
    return admin_refusal(404, "there is no such action", device_actions);
  }
  return admin_answer(200, describe_phone(registration, recent_activity()));
}

/// A new token, or a FID in a token's place: the old registration dies, and the phone goes on with
/// the new one.
http2::Response World::replace_device(const Device& device, const std::string& registration,
                                      bool by_fid) {
  auto fresh = make_registration(by_fid, names_);
  if (!devices_.adopt(fresh, device.platform, devices_.user(device.index))) {
    return admin_refusal(409, "no more devices are remembered", "start the emulator anew");
  }
  devices_.set_health(device.index, Health::unregistered);
  if (auto* phone = phones_.find_or_add(fresh, device.platform)) {
    const auto* old = phones_.find(registration);
    phone->app = old->app;
    phone->online = old->online;
    phone->last_seen = old->last_seen;
  }
  return admin_answer(200, describe_phone(fresh, recent_activity()));
}

}  // namespace fanfare::emulator
