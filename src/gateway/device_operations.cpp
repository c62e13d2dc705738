// Devices over HTTP: registered, refreshed, looked at, retired and brought back.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "gateway/device_json.h"
#include "gateway/operations.h"
#include "registry/filter.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;
using registry::Device;
using registry::Registry;

std::string filter_value(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

bool is_visible(const Device& device, const std::string& project) {
  return device.project.empty() || device.project == project;
}

Refusal no_device() {
  return not_found("there is no such device in this project", "register it first");
}

// The device of the path, if the project may see it.
std::expected<Device, http2::Response> find(Registry& registry, const std::string& value,
                                            const std::string& project) {
  auto found = registry.find(value);
  if (!found) return std::unexpected(refuse(found.error()));
  if (!*found || !is_visible(**found, project)) return std::unexpected(refuse(no_device()));
  return **std::move(found);
}

// The filter for the devices that the project may see. What was asked for must be a filter by
// itself: "all) or (all" must not reach behind the parentheses.
Result<std::string> in_project(const std::string& filter, const std::string& project,
                               SystemTime now) {
  if (auto parsed = registry::Filter::parse(filter, now); !parsed) {
    return std::unexpected(std::move(parsed).error());
  }
  std::string out = fmt::format(R"((project:{} or project:""))", filter_value(project));
  if (!registry::trim(filter).empty()) out += fmt::format(" and ({})", filter);
  return out;
}

// A registration that another project has is not this one's to take over, nor to see.
Result<bool> is_free(Registry& registry, const Device& device) {
  auto stored = registry.find(device.registration);
  if (!stored) return std::unexpected(std::move(stored).error());
  return !*stored || is_visible(**stored, device.project);
}

Refusal taken() {
  return {.code = 409,
          .status = "ALREADY_EXISTS",
          .message = "the registration is another project's",
          .remedy = "register it there, or let the app ask FCM for a new one"};
}

class DeviceOperations {
 public:
  explicit DeviceOperations(Services& services) : services_(services) {}

  void put(const Call& call, Respond respond) {
    json::object body;
    if (!call.request.body.empty()) {
      auto read = read_object(call.request);
      if (!read) return respond(refuse(read.error()));
      body = *std::move(read);
    }
    const std::string kind = query_text(call, "kind");
    if (body.contains("token") || body.contains("fid") ||
        (!kind.empty() && kind != "token" && kind != "fid")) {
      return respond(refuse(Refusal{.message = "the path names the registration, and kind its kind",
                                    .remedy = "leave token and fid out of the body; kind is token "
                                              "or fid"}));
    }
    body[kind == "fid" ? "fid" : "token"] = call.part("device");
    upsert(call, body, std::move(respond));
  }

  void post(const Call& call, Respond respond) {
    auto body = read_object(call.request);
    if (!body) return respond(refuse(body.error()));
    upsert(call, *body, std::move(respond));
  }

  void bulk(const Call& call, Respond respond) {
    auto bulk = read_devices(call.request);
    if (!bulk) return respond(refuse(bulk.error()));
    for (Device& device : bulk->devices) finish(device, call.part("project"));
    on_registry(services_, std::move(respond),
                [bulk = *std::move(bulk), clock = services_.clock](Registry& registry) mutable {
                  if (auto done = put_aside_taken(registry, bulk); !done) {
                    return refuse(done.error());
                  }
                  auto counts = registry.upsert(bulk.devices, clock());
                  if (!counts) return refuse(counts.error());
                  return answer(200, json::object{{"added", counts->added},
                                                  {"updated", counts->updated},
                                                  {"revived", counts->revived},
                                                  {"superseded", counts->superseded},
                                                  {"bad", to_json(bulk.bad)}});
                });
  }

  void get(const Call& call, Respond respond) {
    with_device(call, std::move(respond),
                [](Registry&, const Device& device) { return answer(200, to_json(device)); });
  }

  void history(const Call& call, Respond respond) {
    with_device(call, std::move(respond), [](Registry& registry, const Device& device) {
      auto events = registry.history(device.id);
      if (!events) return refuse(events.error());
      json::array all;
      for (const registry::Event& event : *events) all.push_back(to_json(event));
      return answer(200, json::object{{"device", to_json(device)}, {"events", std::move(all)}});
    });
  }

  void touch(const Call& call, Respond respond) {
    with_device(call, std::move(respond),
                [clock = services_.clock](Registry& registry, const Device& device) {
                  Device seen;
                  seen.registration = device.registration;
                  seen.last_seen = clock();
                  auto counts = registry.upsert({&seen, 1}, clock());
                  if (!counts) return refuse(counts.error());
                  return answer(200, json::object{{"revived", counts->revived > 0}});
                });
  }

  void change(const Call& call, Respond respond, bool retire, const char* action) {
    auto note =
        services_.audit(call, action, call.part("project"), short_hash(call.part("device")));
    on_registry(services_, std::move(respond), std::move(note),
                [retire, clock = services_.clock, value = call.part("device"),
                 project = call.part("project")](Registry& registry) -> DeviceDeed {
                  auto device = find(registry, value, project);
                  if (!device) return {std::move(device).error()};
                  auto changed = retire ? registry.retire(device->id, clock())
                                        : registry.restore(device->id, clock());
                  if (!changed) return {refuse(changed.error())};
                  DeviceDeed deed{.response = answer(
                                      200, json::object{{"changed", *changed},
                                                        {"state", retire ? "retired" : "active"}}),
                                  .done = *changed};
                  if (retire) deed.events.push_back(retired_event(*device, project, clock()));
                  return deed;
                });
  }

  void list(const Call& call, Respond respond) {
    const auto limit = read_number(call, "limit", 100, 1'000);
    if (!limit) return respond(refuse(limit.error()));
    const auto after = read_number(call, "after", 0, ~0ULL >> 1);
    if (!after) return respond(refuse(after.error()));
    auto filter = in_project(query_text(call, "filter"), call.part("project"), services_.clock());
    if (!filter) return respond(refuse(filter.error()));
    const std::string user = query_text(call, "user");
    if (!user.empty()) *filter += " and user:" + filter_value(user);
    on_registry(services_, std::move(respond),
                [filter = *std::move(filter), limit = std::max<std::uint64_t>(1, *limit),
                 after = static_cast<registry::DeviceId>(*after), now = services_.clock()](
                    Registry& registry) { return page(registry, filter, after, limit, now); });
  }

  void count(const Call& call, Respond respond) {
    auto filter = in_project(query_text(call, "filter"), call.part("project"), services_.clock());
    if (!filter) return respond(refuse(filter.error()));
    on_registry(services_, std::move(respond),
                [filter = *std::move(filter), now = services_.clock()](Registry& registry) {
                  auto counts = registry.count(filter, now);
                  if (!counts) return refuse(counts.error());
                  return answer(200, json::object{{"total", counts->total},
                                                  {"by_platform", to_json(counts->by_platform)},
                                                  {"by_state", to_json(counts->by_state)}});
                });
  }

  void stats(const Call& call, Respond respond) {
    on_registry(services_, std::move(respond),
                [project = call.part("project")](Registry& registry) {
                  auto stats = registry.stats(project);
                  if (!stats) return refuse(stats.error());
                  return answer(200, json::object{{"total", stats->total},
                                                  {"by_state", to_json(stats->by_state)},
                                                  {"by_platform", to_json(stats->by_platform)},
                                                  {"by_rule", to_json(stats->by_rule)}});
                });
  }

  // A user is a person, whatever project a device belongs to, so all is erased.
  void erase(const Call& call, Respond respond) {
    if (!call.caller.may_use({})) {
      return respond(refuse(
          Refusal{.code = 403,
                  .status = "PERMISSION_DENIED",
                  .message = "a user is erased from all projects, and the API key is good for some",
                  .remedy = "use a key that is bound to no project"}));
    }
    auto note =
        services_.audit(call, "user.erase", call.part("project"), short_hash(call.part("user")));
    on_registry(services_, std::move(respond), std::move(note),
                [user = call.part("user")](Registry& registry) -> DeviceDeed {
                  auto erased = registry.erase_user(user, false);
                  if (!erased) return {refuse(erased.error())};
                  return {.response = answer(200, json::object{{"devices", erased->devices},
                                                               {"events", erased->events},
                                                               {"mentions", erased->mentions}}),
                          .done = true};
                });
  }

 private:
  using OfDevice = std::move_only_function<http2::Response(Registry&, const Device&)>;
  void with_device(const Call& call, Respond respond, OfDevice work) {
    on_registry(services_, std::move(respond),
                [value = call.part("device"), project = call.part("project"),
                 work = std::move(work)](Registry& registry) mutable -> http2::Response {
                  auto device = find(registry, value, project);
                  if (!device) return std::move(device).error();
                  return work(registry, *device);
                });
  }

  static http2::Response page(Registry& registry, const std::string& filter,
                              registry::DeviceId after, std::uint64_t limit, SystemTime now) {
    json::array all;
    registry::DeviceId last = after;
    bool more = false;
    const auto visited = registry.each(
        filter,
        [&](const Device& device) {
          more = all.size() == limit;
          if (more) return false;
          all.push_back(to_json(device));
          last = device.id;
          return true;
        },
        now, after);
    if (!visited) return refuse(visited.error());
    json::object out{{"devices", std::move(all)}};
    if (more) out["after"] = last;
    return answer(200, out);
  }

  static Result<void> put_aside_taken(Registry& registry, DeviceInput& bulk) {
    DeviceInput kept{.bad = std::move(bulk.bad)};
    for (std::size_t i = 0; i < bulk.devices.size(); ++i) {
      auto free = is_free(registry, bulk.devices[i]);
      if (!free) return std::unexpected(std::move(free).error());
      if (*free) {
        kept.devices.push_back(std::move(bulk.devices[i]));
      } else {
        kept.bad[bulk.indices[i]] = taken();
      }
    }
    bulk = std::move(kept);
    return {};
  }

  // A registration that the app sends has just been seen.
  void finish(Device& device, const std::string& project) const {
    device.project = project;
    if (!device.last_seen) device.last_seen = services_.clock();
  }

  void upsert(const Call& call, const json::object& object, Respond respond) {
    auto device = read_device(object, {});
    if (!device) return respond(refuse(device.error()));
    finish(*device, call.part("project"));
    on_registry(services_, std::move(respond),
                [device = *std::move(device), clock = services_.clock](Registry& registry) {
                  auto free = is_free(registry, device);
                  if (!free) return refuse(free.error());
                  if (!*free) return refuse(taken());
                  auto counts = registry.upsert({&device, 1}, clock());
                  if (!counts) return refuse(counts.error());
                  auto stored = registry.find(device.registration);
                  if (!stored) return refuse(stored.error());
                  json::object out{{"created", counts->added > 0},
                                   {"revived", counts->revived > 0},
                                   {"superseded", counts->superseded}};
                  if (*stored) out["device"] = to_json(**stored);
                  return answer(counts->added > 0 ? 201 : 200, out);
                });
  }

  static queue::Event retired_event(const Device& device, const std::string& project,
                                    SystemTime now) {
    json::object data{{to_string(device.registration.kind), device.registration.value},
                      {"platform", device.platform},
                      {"rule", "person.retired"}};
    if (!device.user.empty()) data["user"] = device.user;
    return {.at = now, .type = "device.retired", .project = project, .data = json::serialize(data)};
  }

  Services& services_;
};

}  // namespace

std::vector<Operation> device_operations(Services& services) {
  const auto self = std::make_shared<DeviceOperations>(services);
  using Member = void (DeviceOperations::*)(const Call&, Respond);
  const auto to = [self](Member member) {
    return [self, member](const Call& call, Respond respond) {
      (*self.*member)(call, std::move(respond));
    };
  };
  const auto change = [self](bool retire, const char* action) {
    return [self, retire, action](const Call& call, Respond respond) {
      self->change(call, std::move(respond), retire, action);
    };
  };
  using queue::Scope;
  return {
      {"registerDevice", "POST", "/v1/projects/{project}/devices", Scope::devices,
       to(&DeviceOperations::post)},
      {"putDevice", "PUT", "/v1/projects/{project}/devices/{device}", Scope::devices,
       to(&DeviceOperations::put)},
      {"bulkRegister", "POST", "/v1/projects/{project}/devices:bulk", Scope::devices,
       to(&DeviceOperations::bulk)},
      {"getDevice", "GET", "/v1/projects/{project}/devices/{device}", Scope::read,
       to(&DeviceOperations::get)},
      {"deviceHistory", "GET", "/v1/projects/{project}/devices/{device}/history", Scope::read,
       to(&DeviceOperations::history)},
      {"listDevices", "GET", "/v1/projects/{project}/devices", Scope::read,
       to(&DeviceOperations::list)},
      {"countDevices", "GET", "/v1/projects/{project}/devices:count", Scope::read,
       to(&DeviceOperations::count)},
      {"deviceStats", "GET", "/v1/projects/{project}/devices:stats", Scope::read,
       to(&DeviceOperations::stats)},
      {"touchDevice", "POST", "/v1/projects/{project}/devices/{device}:touch", Scope::devices,
       to(&DeviceOperations::touch)},
      {"retireDevice", "POST", "/v1/projects/{project}/devices/{device}:retire", Scope::devices,
       change(true, "device.retire")},
      {"restoreDevice", "POST", "/v1/projects/{project}/devices/{device}:restore", Scope::devices,
       change(false, "device.restore")},
      {"unregisterDevice", "DELETE", "/v1/projects/{project}/devices/{device}", Scope::devices,
       change(true, "device.unregister")},
      {"eraseUser", "DELETE", "/v1/projects/{project}/users/{user}", Scope::admin,
       to(&DeviceOperations::erase)},
  };
}

}  // namespace fanfare::gateway
