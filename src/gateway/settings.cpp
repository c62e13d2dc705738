#include "gateway/settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <map>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/time_text.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace fanfare::gateway {
namespace {

// A key's text, from the file or the environment, into its place. What is wrong; empty: nothing.
using Take = std::function<std::string(const std::string&)>;
using Keys = std::map<std::string, Take, std::less<>>;

Take text(std::string& out) {
  return [&out](const std::string& given) {
    out = given;
    return std::string();
  };
}

Take one_of(std::string& out, std::vector<std::string> allowed) {
  return [&out, allowed = std::move(allowed)](const std::string& given) {
    if (std::ranges::find(allowed, given) == allowed.end()) {
      return fmt::format("'{}' is not one of {}", given, fmt::join(allowed, ", "));
    }
    out = given;
    return std::string();
  };
}

Take flag(bool& out) {
  return [&out](const std::string& given) -> std::string {
    if (given != "true" && given != "false") return fmt::format("'{}' is not true or false", given);
    out = given == "true";
    return {};
  };
}

template <class Duration>
Take span(Duration& out, std::chrono::seconds least = std::chrono::seconds(1)) {
  return [&out, least](const std::string& given) -> std::string {
    const auto parsed = parse_span(given);
    if (!parsed || *parsed < least) {
      return fmt::format("'{}' is no span of time; write 90s, 15m, 12h or 7d", given);
    }
    out = *parsed;
    return {};
  };
}

std::optional<std::uint64_t> parse_number(std::string_view given) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
  if (error != std::errc{} || end != given.data() + given.size()) return std::nullopt;
  return value;
}

template <class Number>
Take number(Number& out, std::uint64_t least, std::uint64_t most) {
  return [&out, least, most](const std::string& given) -> std::string {
    const auto parsed = parse_number(given);
    if (!parsed || *parsed < least || *parsed > most) {
      return fmt::format("'{}' is no whole number from {} to {}", given, least, most);
    }
    out = static_cast<Number>(*parsed);
    return {};
  };
}

// "4MiB", "256MiB", "1GiB", or bytes.
Take size(std::uint64_t& out, std::uint64_t least) {
  return [&out, least](const std::string& given) -> std::string {
    std::string_view digits = given;
    std::uint64_t unit = 1;
    for (const auto& [name, bytes] : {std::pair("KiB", 1ULL << 10), std::pair("MiB", 1ULL << 20),
                                      std::pair("GiB", 1ULL << 30)}) {
      if (digits.ends_with(name)) {
        digits.remove_suffix(3);
        unit = bytes;
      }
    }
    const auto parsed = parse_number(digits);
    if (!parsed || *parsed > std::numeric_limits<std::uint32_t>::max() || *parsed * unit < least) {
      return fmt::format("'{}' is no size of at least {} bytes; write 4MiB", given, least);
    }
    out = *parsed * unit;
    return {};
  };
}

Keys client_keys(ClientOptions& client) {
  return {{"endpoint", text(client.endpoint)},
          {"ca_file", text(client.ca_file)},
          {"connections", number(client.connections, 1, 1'000)},
          {"lanes", number(client.lanes, 0, 256)},
          {"messages_per_minute", number(client.messages_per_minute, 0, 1'000'000'000)},
          {"ramp", span(client.ramp, std::chrono::seconds(0))},
          {"avoid_quarter_hours", flag(client.avoid_quarter_hours)},
          {"request_timeout", span(client.request_timeout)},
          {"max_attempts", number(client.max_attempts, 1, 1'000'000)},
          {"device_messages_per_minute", number(client.device_messages_per_minute, 0, 60'000)}};
}

std::map<std::string, Keys, std::less<>> sections(Settings& s, ClientOptions& client) {
  return {
      {"serve",
       {{"listen", text(s.listen)},
        {"tls_certificate", text(s.tls_certificate)},
        {"tls_key", text(s.tls_key)},
        {"tls_client_ca", text(s.tls_client_ca)},
        {"require_tls", one_of(s.require_tls, {"auto", "true", "false"})},
        {"require_keys", one_of(s.require_keys, {"auto", "true", "false"})},
        {"max_connections", number(s.max_connections, 1, 1'000'000)},
        {"max_body", size(s.max_body_bytes, 1'024)},
        {"max_buffered", size(s.max_buffered_bytes, 1U << 20)},
        {"stop_deadline", span(s.stop_deadline)},
        {"log_level", one_of(s.log_level, {"error", "warning", "info", "debug"})}}},
      {"queue",
       {{"retention", span(s.retention)},
        {"idempotency_retention", span(s.idempotency_retention)},
        {"default_expiry", span(s.default_expiry)},
        {"max_waiting", number(s.max_waiting, 1, 1'000'000'000)},
        {"min_free_disk", size(s.min_free_bytes, 1)}}},
      {"fcm", client_keys(client)},
      {"breakers",
       {{"first_wait", span(s.breaker_first_wait)},
        {"longest_wait", span(s.breaker_longest_wait)}}},
      {"webhooks",
       {{"allow_plain_http", flag(s.webhooks_allow_plain_http)},
        {"ca_file", text(s.webhooks_ca_file)}}},
  };
}

std::optional<std::string> as_text(const toml::node& node) {
  if (const auto* given = node.as_string()) return given->get();
  if (const auto* given = node.as_integer()) return std::to_string(given->get());
  if (const auto* given = node.as_boolean()) return given->get() ? "true" : "false";
  return std::nullopt;
}

class Reader {
 public:
  Reader(std::string_view path, const GetVariable& variable) : path_(path), variable_(variable) {}

  Result<Settings> read(const toml::table& file, const ClientOptions& defaults) {
    Settings settings;
    ClientOptions client = defaults;
    auto known = sections(settings, client);
    for (const auto& [name, node] : file) {
      // Simple keys at the top are the command's global options (cli/config.h).
      if (name == "project" || !(node.is_table() || node.is_array())) continue;
      const auto section = known.find(name.str());
      if (section == known.end() || !node.is_table()) {
        fault(node, name.str(),
              section == known.end() ? "there is no such section; there are serve, queue, fcm, "
                                       "breakers, webhooks and project"
                                     : "it is a section: write [" + section->first + "]");
        continue;
      }
      read_section(*node.as_table(), section->first, section->second);
    }
    for (auto& [section, keys] : known) override_section(section, keys);
    settings.fcm = client;
    read_projects(file, client, settings);
    check(settings);
    if (faults_.empty()) return settings;
    return fail(Error::Kind::input, fmt::format("{}", fmt::join(faults_, "\n")),
                "mend the file; 'fanfare serve --check-config' reads it without starting");
  }

 private:
  void read_section(const toml::table& table, const std::string& section, Keys& keys) {
    for (const auto& [key, node] : table) {
      const auto at = keys.find(key.str());
      const std::string name = section + "." + std::string(key.str());
      if (at == keys.end()) {
        fault(node, name, fmt::format("there is no such key; there are {}", names_of(keys)));
      } else if (const auto given = as_text(node); !given) {
        fault(node, name, "it is no text, number, true or false");
      } else if (std::string wrong = at->second(*given); !wrong.empty()) {
        fault(node, name, wrong);
      }
    }
  }

  static std::string names_of(const Keys& keys) {
    std::string names;
    for (const auto& [name, take] : keys) names += (names.empty() ? "" : ", ") + name;
    return names;
  }

  void override_section(const std::string& section, Keys& keys) {
    for (auto& [key, take] : keys) {
      std::string name = "FANFARE_SERVE_" + (section == "serve" ? "" : section + "_") + key;
      std::ranges::transform(name, name.begin(),
                             [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      const auto given = variable_(name);
      if (!given) continue;
      if (std::string wrong = take(*given); !wrong.empty()) {
        faults_.push_back(fmt::format("{}: {}", name, wrong));
      }
    }
  }

  void read_projects(const toml::table& file, const ClientOptions& client, Settings& out) {
    const toml::node* node = file.get("project");
    if (node == nullptr) return;
    const toml::array* projects = node->as_array();
    if (projects == nullptr) return fault(*node, "project", "write [[project]], once for each");
    for (const toml::node& each : *projects) {
      const toml::table* table = each.as_table();
      if (table == nullptr) {
        fault(each, "project", "write [[project]], once for each");
        continue;
      }
      ClientOptions options = client;
      Keys keys = client_keys(options);
      keys.emplace("id", text(options.project));
      keys.emplace("credentials", text(options.credentials_file));
      read_section(*table, "project", keys);
      const bool twice = std::ranges::any_of(out.projects, [&](const ClientOptions& other) {
        return other.project == options.project;
      });
      if (options.project.empty()) fault(each, "project.id", "it is missing");
      if (twice) fault(each, "project.id", fmt::format("'{}' is there twice", options.project));
      out.projects.push_back(std::move(options));
    }
  }

  void check(const Settings& settings) {
    if (auto listen = parse_listen(settings.listen); !listen) {
      faults_.push_back(fmt::format("serve.listen: {}", listen.error().what));
    } else if (!is_loopback(listen->first) && settings.require_keys == "false") {
      faults_.push_back(
          fmt::format("serve.require_keys: whoever reaches {} could send; without keys the gateway "
                      "listens on this machine only",
                      settings.listen));
    }
    if (settings.max_buffered_bytes < settings.max_body_bytes) {
      faults_.emplace_back("serve.max_buffered: it is less than serve.max_body");
    }
    if (settings.tls_certificate.empty() != settings.tls_key.empty()) {
      faults_.emplace_back("serve.tls_certificate and serve.tls_key go together");
    } else if (settings.tls_certificate.empty() && settings.require_tls == "true") {
      faults_.emplace_back("serve.require_tls: there is no serve.tls_certificate");
    }
    if (settings.tls_client_ca.empty()) return;
    if (settings.tls_certificate.empty()) {
      faults_.emplace_back("serve.tls_client_ca: there is no serve.tls_certificate");
    }
    if (settings.require_tls == "false") {
      faults_.emplace_back(
          "serve.require_tls: without TLS clients could leave out the certificate that "
          "serve.tls_client_ca asks for");
    }
  }

  void fault(const toml::node& node, std::string_view key, std::string_view what) {
    faults_.push_back(fmt::format("{}:{}: {}: {}", path_, node.source().begin.line, key, what));
  }

  std::string_view path_;
  const GetVariable& variable_;
  std::vector<std::string> faults_;
};

}  // namespace

Result<Settings> read_settings(std::string_view toml, std::string_view path,
                               const ClientOptions& defaults, const GetVariable& variable) {
  const toml::parse_result parsed = toml::parse(toml);
  if (!parsed) {
    return fail(Error::Kind::input,
                fmt::format("{}:{}: {}", path, parsed.error().source().begin.line,
                            parsed.error().description()),
                "mend the line; the file is TOML, such as: [serve] and below it listen = \"…\"");
  }
  return Reader(path, variable).read(parsed.table(), defaults);
}

std::string describe(const Settings& settings) {
  std::string out = fmt::format(
      "serve.listen = {}\nserve.tls = {}\nserve.tls_client_ca = {}\nserve.require_tls = {}\n"
      "serve.require_keys = {}\nserve.max_connections = {}\n"
      "serve.max_body = {}\nserve.max_buffered = {}\n"
      "serve.stop_deadline = {}s\nqueue.retention = {}s\n"
      "queue.idempotency_retention = {}s\nqueue.default_expiry = {}s\nqueue.max_waiting = {}\n"
      "queue.min_free_disk = {}\nwebhooks.allow_plain_http = {}\n",
      settings.listen, settings.tls_certificate.empty() ? "off" : settings.tls_certificate,
      settings.tls_client_ca.empty() ? "none" : settings.tls_client_ca, settings.require_tls,
      settings.require_keys, settings.max_connections, settings.max_body_bytes,
      settings.max_buffered_bytes, settings.stop_deadline.count(), settings.retention.count(),
      settings.idempotency_retention.count(), settings.default_expiry.count(), settings.max_waiting,
      settings.min_free_bytes, settings.webhooks_allow_plain_http);
  for (const ClientOptions& project : settings.projects) {
    fmt::format_to(std::back_inserter(out),
                   "project {}: {} a minute, {} connections, credentials {}\n", project.project,
                   project.messages_per_minute, project.connections,
                   project.credentials_file.empty() ? "by default" : project.credentials_file);
  }
  return out;
}

Result<std::pair<std::string, std::uint16_t>> parse_listen(std::string_view listen) {
  const auto colon = listen.rfind(':');
  const auto port =
      colon == std::string_view::npos ? std::nullopt : parse_number(listen.substr(colon + 1));
  std::string host(listen.substr(0, std::min(listen.size(), colon)));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!port || *port > 65'535 || host.empty()) {
    return fail(Error::Kind::usage, fmt::format("'{}' is no HOST:PORT", listen),
                "write 127.0.0.1:8200, or [::1]:8200");
  }
  return std::pair(std::move(host), static_cast<std::uint16_t>(*port));
}

bool is_loopback(std::string_view host) noexcept {
  // Of a name that begins with "127." nobody knows where it leads, so that only an address counts.
  std::array<char, INET_ADDRSTRLEN> address{};
  if (host.starts_with("127.") && host.size() < address.size()) {
    std::ranges::copy(host, address.begin());
    in_addr parsed{};
    return ::inet_pton(AF_INET, address.data(), &parsed) == 1;
  }
  return host == "::1" || host == "localhost";
}

}  // namespace fanfare::gateway
