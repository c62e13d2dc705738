// Devices over HTTP: registered, refreshed, looked at, retired and brought back.
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "gateway/operations.h"
#include "registry/device_parser.h"
#include "registry/device_writer.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;
using registry::Device;
using registry::Registry;

constexpr std::size_t most_at_once = 10'000;

json::object to_json(const Device& device) {
  std::string line;
  registry::append_json(line, device);
  boost::system::error_code ignored;
  json::value value = json::parse(line, ignored);
  json::object out = value.is_object() ? value.get_object() : json::object{};
  if (device.id != 0) out["id"] = device.id;
  return out;
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

// One device as a line of a registration file: read, checked and refused as the command does.
std::expected<Device, Refusal> read_device(const json::object& object, std::string_view where) {
  if (object.contains("state") || object.contains("project")) {
    return std::unexpected(Refusal{.message = "state and project are the registry's to say",
                                   .remedy = "leave them out",
                                   .field = std::string(where)});
  }
  registry::DeviceParser parser;
  registry::DeviceBatch batch;
  parser.feed(json::serialize(object) + "\n", batch);
  parser.finish(batch);
  if (batch.devices.size() == 1) return std::move(batch.devices.front());
  return std::unexpected(
      Refusal{.message = batch.bad.empty() ? "there is no registration" : batch.bad.front().what,
              .remedy = R"(write {"token": "…", "user": "…", "platform": "android"})",
              .field = std::string(where)});
}

struct Bulk {
  std::vector<Device> devices;
  json::array bad;
};

void take(Bulk& bulk, const json::value& each, std::size_t index) {
  auto device = each.is_object() ? read_device(each.get_object(), {})
                                 : std::unexpected(Refusal{.message = "it is not an object"});
  if (device) {
    bulk.devices.push_back(*std::move(device));
  } else {
    bulk.bad.push_back(json::object{{"index", index}, {"message", device.error().message}});
  }
}

// {"devices": […]}, or JSON lines.
std::expected<Bulk, Refusal> read_bulk(const http2::Request& request) {
  Bulk bulk;
  const bool lines =
      http2::find_header(request.headers, "content-type").starts_with("application/x-ndjson");
  if (!lines) {
    auto body = read_object(request);
    if (!body) return std::unexpected(body.error());
    Fields fields(*body);
    const json::array* devices = fields.array("devices");
    if (auto refusal = fields.refusal()) return std::unexpected(*refusal);
    if (devices == nullptr) {
      return std::unexpected(Refusal{.message = "there are no devices", .field = "devices"});
    }
    for (std::size_t i = 0; i < devices->size(); ++i) take(bulk, (*devices)[i], i);
  } else {
    std::string_view rest = request.body;
    for (std::size_t i = 0; !rest.empty(); ++i) {
      const auto end = std::min(rest.size(), rest.find('\n'));
      if (const auto line = rest.substr(0, end); !line.empty()) {
        boost::system::error_code error;
        take(bulk, json::parse(line, error), i);
      }
      rest.remove_prefix(std::min(rest.size(), end + 1));
    }
  }
  if (bulk.devices.size() + bulk.bad.size() > most_at_once) {
    return std::unexpected(
        Refusal{.message = fmt::format("there are more than {} devices", most_at_once),
                .remedy = "split the request, or import a file with 'fanfare devices import'",
                .field = "devices"});
  }
  return bulk;
}

class DeviceOperations {
 public:
  explicit DeviceOperations(Services& services) : services_(services) {}

  void put(const Call& call, Respond respond) {
    auto body = call.request.body.empty() ? json::object{} : json::object{};
    if (!call.request.body.empty()) {
      auto read = read_object(call.request);
      if (!read) return respond(refuse(read.error()));
      body = *std::move(read);
    }
    const bool fid = query_text(call, "kind") == "fid";
    body[fid ? "fid" : "token"] = call.part("device");
    upsert(call, body, std::move(respond));
  }

  void post(const Call& call, Respond respond) {
    auto body = read_object(call.request);
    if (!body) return respond(refuse(body.error()));
    upsert(call, *body, std::move(respond));
  }

  void bulk(const Call& call, Respond respond) {
    auto bulk = read_bulk(call.request);
    if (!bulk) return respond(refuse(bulk.error()));
    for (Device& device : bulk->devices) finish(device, call.part("project"));
    on_registry(services_, std::move(respond),
                [bulk = *std::move(bulk), clock = services_.clock](Registry& registry) {
                  auto counts = registry.upsert(bulk.devices, clock());
                  if (!counts) return refuse(counts.error());
                  return answer(200, json::object{{"added", counts->added},
                                                  {"updated", counts->updated},
                                                  {"revived", counts->revived},
                                                  {"superseded", counts->superseded},
                                                  {"bad", bulk.bad}});
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
      for (const registry::Event& event : *events) {
        boost::system::error_code ignored;
        all.push_back(json::object{{"at", format_rfc3339(event.at)},
                                   {"from", to_string(event.from)},
                                   {"to", to_string(event.to)},
                                   {"cause", event.cause},
                                   {"rule", event.rule},
                                   {"evidence", json::parse(event.evidence, ignored)}});
      }
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
    services_.audit(call, action, call.part("project"), short_hash(call.part("device")), {});
    with_device(
        call, std::move(respond),
        [this, retire, project = call.part("project")](Registry& registry, const Device& device) {
          auto changed = retire ? registry.retire(device.id, services_.clock())
                                : registry.restore(device.id, services_.clock());
          if (!changed) return refuse(changed.error());
          if (retire && *changed) tell_retired(device, project);
          return answer(
              200, json::object{{"changed", *changed}, {"state", retire ? "retired" : "active"}});
        });
  }

  void list(const Call& call, Respond respond) {
    const std::string project = call.part("project");
    std::string filter = query_text(call, "filter");
    const std::string user = query_text(call, "user");
    const auto limit = std::max<std::uint64_t>(1, query_number(call, "limit", 100, 1'000));
    const auto after = static_cast<registry::DeviceId>(query_number(call, "after", 0, ~0ULL >> 1));
    on_registry(services_, std::move(respond),
                [=, clock = services_.clock](Registry& registry) -> http2::Response {
                  json::array all;
                  registry::DeviceId last = after;
                  bool more = false;
                  const auto visited = registry.each(
                      filter,
                      [&](const Device& device) {
                        if (!is_visible(device, project)) return true;
                        if (!user.empty() && device.user != user) return true;
                        if (all.size() == limit) {
                          more = true;
                          return false;
                        }
                        all.push_back(to_json(device));
                        last = device.id;
                        return true;
                      },
                      clock(), after);
                  if (!visited) return refuse(visited.error());
                  json::object page{{"devices", std::move(all)}};
                  if (more) page["after"] = last;
                  return answer(200, page);
                });
  }

  void count(const Call& call, Respond respond) {
    on_registry(services_, std::move(respond),
                [filter = query_text(call, "filter"), clock = services_.clock](Registry& registry) {
                  auto counts = registry.count(filter, clock());
                  if (!counts) return refuse(counts.error());
                  json::object by_platform;
                  for (const auto& [name, n] : counts->by_platform) by_platform[name] = n;
                  json::object by_state;
                  for (const auto& [name, n] : counts->by_state) by_state[name] = n;
                  return answer(200, json::object{{"total", counts->total},
                                                  {"by_platform", std::move(by_platform)},
                                                  {"by_state", std::move(by_state)}});
                });
  }

  void stats(const Call&, Respond respond) {
    on_registry(services_, std::move(respond), [](Registry& registry) {
      auto stats = registry.stats();
      if (!stats) return refuse(stats.error());
      json::object out{{"total", stats->total}};
      for (const auto& [name, map] :
           {std::pair("by_state", &stats->by_state), std::pair("by_platform", &stats->by_platform),
            std::pair("by_rule", &stats->by_rule)}) {
        json::object counts;
        for (const auto& [key, n] : *map) counts[key] = n;
        out[name] = std::move(counts);
      }
      return answer(200, out);
    });
  }

  void erase(const Call& call, Respond respond) {
    services_.audit(call, "user.erase", call.part("project"), short_hash(call.part("user")), {});
    on_registry(services_, std::move(respond), [user = call.part("user")](Registry& registry) {
      auto erased = registry.erase_user(user, false);
      if (!erased) return refuse(erased.error());
      return answer(200, json::object{{"devices", erased->devices},
                                      {"events", erased->events},
                                      {"mentions", erased->mentions}});
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

  // A registration that the app sends has just been seen.
  void finish(Device& device, const std::string& project) const {
    device.project = project;
    if (!device.last_seen) device.last_seen = services_.clock();
  }

  void upsert(const Call& call, const json::object& object, Respond respond) {
    auto device = read_device(object, "device");
    if (!device) return respond(refuse(device.error()));
    finish(*device, call.part("project"));
    on_registry(services_, std::move(respond),
                [device = *std::move(device), clock = services_.clock](Registry& registry) {
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

  void tell_retired(const Device& device, const std::string& project) {
    json::object data{{to_string(device.registration.kind), device.registration.value},
                      {"platform", device.platform},
                      {"rule", "person.retired"}};
    if (!device.user.empty()) data["user"] = device.user;
    queue::Event event{.at = services_.clock(), .type = "device.retired", .project = project};
    event.data = json::serialize(data);
    services_.writer.post([this, event] { services_.write.events.add(event); },
                          [](const Result<void>&) {});
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
