#include "emulator/client_setup.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "base/file.h"
#include "emulator/own_file.h"
#include "emulator/trust_store.h"

namespace fanfare::emulator {
namespace {

constexpr std::string_view mark = "made by the Fanfare emulator";

// --- one word for each reader ---

/// POSIX shell: nothing is special between apostrophes but the apostrophe.
std::string shell_word(std::string_view text) {
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + "'";
}

/// JAVA_TOOL_OPTIONS: quotes of both kinds, and nothing escapes one but the other.
std::string java_word(std::string_view text) {
  if (text.find_first_of(" \t\"'") == std::string_view::npos) return std::string(text);
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\"'\"'";
    } else {
      word += c;
    }
  }
  return word + "'";
}

/// NODE_OPTIONS and php.ini: a backslash escapes between quotation marks.
std::string quoted_word(std::string_view text) {
  std::string word = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') word += '\\';
    word += c;
  }
  return word + "\"";
}

// --- the files ---

std::string java_options(const std::filesystem::path& directory, const ClientSetup& setup) {
  return fmt::format(
      "-Dhttps.proxyHost={} -Dhttps.proxyPort={} -Djavax.net.ssl.trustStore={} "
      "-Djavax.net.ssl.trustStoreType=PKCS12",
      setup.host, setup.port, java_word((directory / "truststore.p12").string()));
}

std::string node_options(const std::filesystem::path& directory) {
  return "--require " + quoted_word((directory / "redirect.js").string());
}

constexpr std::string_view redirect_text = R"js('use strict';

// Preloaded into Node (--require), {mark}. Connections to Google's hosts
// go to the emulator instead, still under their names and over TLS: the modules http2 and https
// and fetch all come by tls.connect, and http2 knows no proxies.
const tls = require('tls');

const place = {{host: {host}, port: {port}}};
const connect = tls.connect.beforeRedirect || tls.connect; // The last one preloaded counts.

function redirect(options) {{
  if (options.socket) return options; // Somebody's tunnel, by way of HTTPS_PROXY.
  const host = options.servername || options.host || '';
  if (!host.endsWith('.googleapis.com') && host !== 'accounts.google.com') return options;
  return {{...options, ...place, servername: host}};
}}

// https calls connect(options), http2 connect(port, host, options).
tls.connect = function (...args) {{
  const at = args.findIndex((argument) => argument !== null && typeof argument === 'object');
  if (at < 0) return connect.apply(tls, args);
  const options = {{...args[at]}};
  if (typeof args[0] !== 'object') options.port = Number(args[0]);
  if (typeof args[1] === 'string') options.host = args[1];
  return connect.call(tls, redirect(options), ...args.slice(at + 1));
}};
tls.connect.beforeRedirect = connect;
require('module').syncBuiltinESMExports();
)js";

std::string redirect_script(const ClientSetup& setup) {
  return fmt::format(redirect_text, fmt::arg("mark", mark),
                     fmt::arg("host", boost::json::serialize(boost::json::value(setup.host))),
                     fmt::arg("port", setup.port));
}

std::string php_settings(const ClientSetup& setup) {
  const auto ca = quoted_word(setup.ca_file.string());
  return fmt::format("; {}\ncurl.cainfo = {}\nopenssl.cafile = {}\n", mark, ca, ca);
}

constexpr std::string_view readme_text = R"txt(Pointing a client at the FCM emulator ({mark})

The emulator listens on {authority}. It plays fcm.googleapis.com, iid.googleapis.com,
oauth2.googleapis.com and the other Google hosts that a sender talks to, all on this one port. The
files here name the port, so start it with a fixed --port if they shall stay good.

All languages at once, in the shell that starts your program:

    . {env}

That sets a proxy, whom to trust, and the service account; your program stays as it is. Everything
it sends over HTTPS then goes to the emulator, which refuses hosts that are not Google's; add your
own hosts to NO_PROXY. The sections below say what each language needs of it.

Node        NODE_OPTIONS="--require {redirect}"
            NODE_EXTRA_CA_CERTS={ca}
            Also for HTTP/2 (firebase-admin's sendEach), which ignores proxies.
Python      HTTPS_PROXY={proxy}
            REQUESTS_CA_BUNDLE={ca}
            SSL_CERT_FILE={ca}
            firebase-admin, PyFCM, requests, httpx. aiohttp reads the proxy only with
            trust_env=True.
Go          HTTPS_PROXY={proxy}
            SSL_CERT_FILE={ca}
            Or option.WithEndpoint, see below.
Java        JAVA_TOOL_OPTIONS="{java}"
            The trust store has no password.
PHP         HTTPS_PROXY={proxy}
            PHP_INI_SCAN_DIR=":{directory}"
            The folder's php.ini names the CA; Guzzle, and so kreait, follow it.
.NET        HTTPS_PROXY={proxy}
            SSL_CERT_FILE={ca}
            On Linux; elsewhere add ca.pem to the trusted roots.
curl, Ruby, Rust and most others
            HTTPS_PROXY={proxy}
            SSL_CERT_FILE={ca}

For each of them besides:

    GOOGLE_APPLICATION_CREDENTIALS={credentials}
    GOOGLE_CLOUD_PROJECT={project}
    NO_PROXY={no_proxy}

A client whose endpoint can be set needs no proxy. Any base URL of the emulator is host of all
APIs, the token endpoint too: {base}. In Go that is
option.WithEndpoint("{base}/v1"), for fanfare --endpoint.

Without a proxy, for clients that obey none: start the emulator with --port 443 and let the names
lead here, in /etc/hosts:

    127.0.0.1 fcm.googleapis.com iid.googleapis.com oauth2.googleapis.com www.googleapis.com
    127.0.0.1 fcmdata.googleapis.com sts.googleapis.com iamcredentials.googleapis.com

ca.pem is trusted as above. Remove the lines when you are done.
)txt";

std::string no_proxy(const ClientSetup& setup) {
  // Its own address is where token_uri leads, without the proxy.
  std::string hosts = "localhost,127.0.0.1,::1";
  if (setup.host != "localhost" && setup.host != "127.0.0.1" && setup.host != "::1") {
    hosts += "," + setup.host;
  }
  return hosts;
}

std::string readme(const std::filesystem::path& directory, const ClientSetup& setup) {
  const auto base = base_url("https", setup.host, setup.port);
  return fmt::format(
      readme_text, fmt::arg("mark", mark), fmt::arg("authority", base.substr(8)),
      fmt::arg("env", shell_word((directory / "env.sh").string())),
      fmt::arg("redirect", (directory / "redirect.js").string()),
      fmt::arg("ca", setup.ca_file.string()),
      fmt::arg("proxy", base_url("http", setup.host, setup.port)),
      fmt::arg("java", java_options(directory, setup)), fmt::arg("directory", directory.string()),
      fmt::arg("credentials", setup.credentials_file.string()), fmt::arg("project", setup.project),
      fmt::arg("no_proxy", no_proxy(setup)), fmt::arg("base", base));
}

}  // namespace

std::string base_url(std::string_view scheme, std::string_view host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string_view::npos;
  return v6 ? fmt::format("{}://[{}]:{}", scheme, host, port)
            : fmt::format("{}://{}:{}", scheme, host, port);
}

std::string shell_settings(const std::filesystem::path& directory, const ClientSetup& setup) {
  std::string text =
      fmt::format("# Points the SDKs of every language at the FCM emulator; {}.\n# Use: . {}\n",
                  mark, shell_word((directory / "env.sh").string()));
  const auto put = [&](std::string_view name, std::string_view value) {
    text += fmt::format("export {}={}\n", name, shell_word(value));
  };
  // Behind what was there before, once.
  const auto append = [&](std::string_view name, std::string_view between,
                          const std::string& value) {
    const auto word = shell_word(value);
    text += fmt::format(
        "case \"${{{0}-}}\" in\n  *{1}*) ;;\n  *) export {0}=\"${{{0}-}}${{{0}:+{2}}}\"{1} "
        ";;\nesac\n",
        name, word, between);
  };
  const auto proxy = base_url("http", setup.host, setup.port);
  const auto secure = base_url("https", setup.host, setup.port);
  const auto ca = setup.ca_file.string();
  text += "\n# The way here. What is asked of this machine itself goes directly.\n";
  put("HTTPS_PROXY", proxy);
  put("https_proxy", proxy);
  put("NO_PROXY", no_proxy(setup));
  put("no_proxy", no_proxy(setup));
  text += "\n# Who is asking.\n";
  put("GOOGLE_APPLICATION_CREDENTIALS", setup.credentials_file.string());
  put("GOOGLE_CLOUD_PROJECT", setup.project);
  text += "\n# Whom to trust: Go, .NET, Ruby and Python's httpx; requests; curl; Node.\n";
  put("SSL_CERT_FILE", ca);
  put("REQUESTS_CA_BUNDLE", ca);
  put("CURL_CA_BUNDLE", ca);
  put("NODE_EXTRA_CA_CERTS", ca);
  text += "\n# Node's HTTP/2 knows no proxies, Java no environment, PHP no CA but its settings'.\n";
  append("NODE_OPTIONS", " ", node_options(directory));
  append("JAVA_TOOL_OPTIONS", " ", java_options(directory, setup));
  put("PHP_INI_SCAN_DIR", ":" + directory.string());
  text += "\n# Fanfare itself.\n";
  put("FANFARE_ENDPOINT", secure);
  put("FANFARE_IID_ENDPOINT", secure);
  put("FANFARE_CA_FILE", ca);
  return text;
}

Result<void> write_client_setup(const std::filesystem::path& directory, const ClientSetup& setup) {
  const auto authority = read_file(setup.ca_file);
  if (!authority) return std::unexpected(authority.error());
  const auto store = make_trust_store(*authority, "fanfare-emulator");
  if (!store) return std::unexpected(store.error());
  struct File {
    std::string_view name;
    std::string bytes;
    std::string_view mark;
  };
  const File files[] = {{"env.sh", shell_settings(directory, setup), mark},
                        {"redirect.js", redirect_script(setup), mark},
                        // The common name of the authority in it.
                        {"truststore.p12", *store, "Fanfare emulator"},
                        {"php.ini", php_settings(setup), mark},
                        {"README.txt", readme(directory, setup), mark}};
  for (const auto& file : files) {
    if (auto written = write_own_file(directory / file.name, file.bytes, file.mark, 0644);
        !written) {
      return written;
    }
  }
  return {};
}

bool is_played_host(std::string_view host) {
  constexpr std::string_view google = ".googleapis.com";
  return host.ends_with(google) || host == "accounts.google.com" ||
         host == "metadata.google.internal" || host == "localhost";
}

}  // namespace fanfare::emulator
