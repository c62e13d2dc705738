#include "emulator/world.h"

#include <cmath>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "emulator/testing/assertion.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr const char* send_path = "/v1/projects/fanfare-demo/messages:send";

std::string token_of(char c) {
  return std::string(22, c) + ":APA91b" + std::string(134, c);
}

std::string to_token(std::string_view token, std::string_view more = "") {
  return fmt::format(R"({{"message":{{"token":"{}"{}}}}})", token, more);
}

// One emulator without a socket; the clock is moved by hand.
struct Scene {
  SystemTime now = *parse_rfc3339("2026-11-24T06:00:00Z");
  World world;

  explicit Scene(WorldOptions options = {}) : world(std::move(options)) {}

  static WorldOptions listing(const char* csv) {
    WorldOptions options;
    options.devices = DeviceBook::parse(csv).value();
    return options;
  }

  Plan post(std::string path, std::string body, http2::Headers headers = {},
            std::string scheme = "https") {
    http2::Request request;
    request.method = "POST";
    request.path = std::move(path);
    request.scheme = std::move(scheme);
    request.headers = std::move(headers);
    request.body = std::move(body);
    return world.answer(std::move(request), now);
  }
  http2::Response get(std::string path) {
    http2::Request request;
    request.path = std::move(path);
    return world.answer(std::move(request), now).response;
  }
  Plan send(std::string body) { return post(send_path, std::move(body)); }

  void set(const char* faults) {
    ASSERT_EQ(post("/_emulator/faults", faults).response.status, 200) << faults;
  }
  json::object stats() { return json::parse(get("/_emulator/stats").body).as_object(); }
};

json::object error_of(const Plan& plan) {
  return json::parse(plan.response.body).at("error").as_object();
}

/// "404 UNREGISTERED", read from the wire as a client would, not from the books.
std::string kind_on_wire(const Plan& plan) {
  if (plan.mishap) return "cut";
  auto kind = std::to_string(plan.response.status);
  if (plan.response.status == 200) return kind;
  const auto error = error_of(plan);
  if (!error.contains("details")) return kind;
  for (const auto& detail : error.at("details").as_array()) {
    const auto* code = detail.as_object().if_contains("errorCode");
    if (code != nullptr) kind += " " + std::string(code->as_string());
  }
  return kind;
}

std::string message_of(const Plan& plan) {
  return std::string(error_of(plan).at("message").as_string());
}

// --- accepting ---

TEST(World, AcceptsAnyPlausibleTokenWhenItHasNoList) {
  Scene scene;
  const auto plan = scene.send(to_token(token_of('c')));
  EXPECT_EQ(plan.response.status, 200);
  const auto body = json::parse(plan.response.body);
  EXPECT_TRUE(std::string_view(body.at("name").as_string())
                  .starts_with("projects/fanfare-demo/messages/0:"));
}

TEST(World, NamesTopicMessagesByANumber) {
  Scene scene;
  for (const auto* body : {R"({"message":{"topic":"news"}})",
                           R"({"message":{"condition":"'a' in topics || 'b' in topics"}})"}) {
    const auto plan = scene.send(body);
    ASSERT_EQ(plan.response.status, 200);
    const std::string name(json::parse(plan.response.body).at("name").as_string());
    const auto id = name.substr(name.rfind('/') + 1);
    EXPECT_EQ(id.find_first_not_of("0123456789"), std::string::npos) << id;
  }
}

TEST(World, GivesEveryMessageItsOwnName) {
  Scene scene;
  const auto first = scene.send(to_token(token_of('c'))).response.body;
  EXPECT_NE(scene.send(to_token(token_of('c'))).response.body, first);
  const auto topic = scene.send(R"({"message":{"topic":"news"}})").response.body;
  EXPECT_NE(scene.send(R"({"message":{"topic":"news"}})").response.body, topic);
}

TEST(World, PrintsCompactlyWhenAsked) {
  Scene scene;
  const auto path = std::string(send_path) + "?alt=json&prettyPrint=false";
  const auto body = scene.post(path, to_token(token_of('c'))).response.body;
  EXPECT_EQ(body.find('\n'), std::string::npos);
}

TEST(World, TakesTheProjectNumberToo) {
  Scene scene;
  const auto plan = scene.post("/v1/projects/123456789012/messages:send", to_token(token_of('c')));
  EXPECT_EQ(plan.response.status, 200);
}

// --- refusing content ---

TEST(World, RefusesMessagesThatFcmWouldRefuse) {
  const auto token = token_of('c');
  const std::string big(5'000, 'x');
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"{}", "400 INVALID_ARGUMENT", "Recipient of the message is not set."},
      {R"({"message":{"notification":{"title":"x"}}})", "400 INVALID_ARGUMENT",
       "Recipient of the message is not set."},
      {R"({"message":{"token":""}})", "400 INVALID_ARGUMENT",
       "Recipient of the message is not set."},
      {R"({"message":{"token":"abc"}})", "400 INVALID_ARGUMENT",
       "The registration token is not a valid FCM registration token"},
      {R"({"message":{"topic":"/topics/a"}})", "400 INVALID_ARGUMENT",
       "Topic name contains invalid characters."},
      {R"({"message":{"condition":"a &&"}})", "400", "Request contains an invalid argument."},
      {to_token(token, R"(,"data":{"from":"me"})"), "400 INVALID_ARGUMENT",
       "Invalid data payload key: from"},
      {to_token(token, R"(,"android":{"data":{"google.x":"1"}})"), "400 INVALID_ARGUMENT",
       "Invalid data payload key: google.x"},
      {to_token(token, R"(,"data":{"gcm.notification.title":"1"})"), "400 INVALID_ARGUMENT",
       "Invalid data payload key: gcm.notification.title"},
      {to_token(token, fmt::format(R"(,"data":{{"p":"{}"}})", big)), "400 INVALID_ARGUMENT",
       "Message is too large. The maximum is 4K (4096 bytes)."},
      {to_token(token, R"(,"android":{"ttl":"2419201s"})"), "400 INVALID_ARGUMENT",
       "Invalid TTL: it must be between 0 and 2419200 seconds."},
      {to_token(token, R"(,"android":{"ttl":"-1s"})"), "400 INVALID_ARGUMENT",
       "Invalid TTL: it must be between 0 and 2419200 seconds."},
      {to_token(token, R"(,"webpush":{"headers":{"TTL":"-1"}})"), "400 INVALID_ARGUMENT",
       "TTL must be a non-negative integer."},
      {to_token(token, R"(,"webpush":{"fcm_options":{"link":"http://x"}})"), "400 INVALID_ARGUMENT",
       "The link must be an HTTPS URL."},
      {to_token(token, R"(,"android":{},"android_v2":{})"), "400 INVALID_ARGUMENT",
       "Only one of android and android_v2 may be set."},
      {to_token(token, R"(,"toknn":1)"), "400",
       "Invalid JSON payload received. Unknown name \"toknn\" at 'message': Cannot find field."},
      {to_token(token, R"(,"topic":"a")"), "400",
       "Invalid value at 'message' (oneof), oneof field 'target' is already set. "
       "Cannot set 'topic'"}};
  for (const auto& [body, kind, message] : cases) {
    Scene scene;
    const auto plan = scene.send(body);
    EXPECT_EQ(kind_on_wire(plan), kind) << body.substr(0, 200);
    EXPECT_EQ(message_of(plan), message);
    EXPECT_EQ(scene.world.books().accepted, 0U);
  }
}

TEST(World, RefusesWhatIsNotJson) {
  for (const auto* body : {"", "{", "{\"message\":", "{} x", "\xff\xfe", "{\"a\":\"\\ud800\"}"}) {
    Scene scene;
    const auto plan = scene.send(body);
    EXPECT_EQ(kind_on_wire(plan), "400") << body;
    EXPECT_TRUE(message_of(plan).starts_with("Invalid JSON payload received.")) << body;
  }
}

TEST(World, SurvivesDeepNesting) {
  Scene scene;
  EXPECT_EQ(kind_on_wire(scene.send(std::string(100'000, '['))), "400");
  EXPECT_EQ(kind_on_wire(scene.send(std::string(100'000, '{'))), "400");
}

TEST(World, LooksAtTheShapeBeforeTheContent) {
  Scene scene;
  EXPECT_EQ(kind_on_wire(scene.send(R"({"message":{"topic":"!","unknown":1}})")), "400");
}

TEST(World, TakesAPayloadOfExactlyTheLimit) {
  Scene scene;
  const auto body = [](std::size_t size) {
    return to_token(token_of('c'), fmt::format(R"(,"data":{{"p":"{}"}},"notification":{{)"
                                               R"("title":"abc"}})",
                                               std::string(size - 1 - 8, 'x')));
  };
  EXPECT_EQ(scene.send(body(4'096)).response.status, 200);
  EXPECT_EQ(scene.send(body(4'097)).response.status, 400);
  scene.set(R"({"size_limit_bytes":4506})");
  EXPECT_EQ(scene.send(body(4'506)).response.status, 200);
}

// --- devices ---

constexpr const char* one_of_each =
    "token,health,platform\n"
    "alive,living,android\nu,unregistered,android\nm,malformed,web\nw,wrong_sender,android\n"
    "d,apns_disabled,ios\nd4,apns_disabled_404,ios\nf503,flaky_503,android\n"
    "f429,flaky_429,android\nfcut,flaky_cut,android\n";

TEST(World, AnswersForEachHealth) {
  Scene scene(Scene::listing(one_of_each));
  const std::pair<const char*, const char*> cases[] = {{"alive", "200"},
                                                       {"u", "404 UNREGISTERED"},
                                                       {"m", "400 INVALID_ARGUMENT"},
                                                       {"w", "403 SENDER_ID_MISMATCH"},
                                                       {"d", "400 INVALID_ARGUMENT"},
                                                       {"d4", "404 UNREGISTERED"}};
  for (int round = 0; round < 2; ++round) {
    for (const auto& [token, kind] : cases) {
      EXPECT_EQ(kind_on_wire(scene.send(to_token(token))), kind) << token;
    }
  }
}

TEST(World, FailsTheFlakyOnceOnly) {
  Scene scene(Scene::listing(one_of_each));
  const auto unavailable = scene.send(to_token("f503"));
  EXPECT_EQ(kind_on_wire(unavailable), "503 UNAVAILABLE");
  EXPECT_EQ(http2::find_header(unavailable.response.headers, "retry-after"), "1");
  const auto throttled = scene.send(to_token("f429"));
  EXPECT_EQ(kind_on_wire(throttled), "429 QUOTA_EXCEEDED");
  EXPECT_EQ(http2::find_header(throttled.response.headers, "retry-after"), "1");
  EXPECT_TRUE(scene.send(to_token("fcut")).mishap);
  for (const auto* token : {"f503", "f429", "fcut", "f503"}) {
    EXPECT_EQ(kind_on_wire(scene.send(to_token(token))), "200") << token;
  }
}

TEST(World, CallsUnlistedTokensUnregisteredWhenItHasAList) {
  Scene scene(Scene::listing(one_of_each));
  EXPECT_EQ(kind_on_wire(scene.send(to_token(token_of('c')))), "404 UNREGISTERED");
  EXPECT_EQ(kind_on_wire(scene.send(to_token("unlisted"))), "400 INVALID_ARGUMENT");
}

TEST(World, BlamesTheFieldThatNamedTheDevice) {
  Scene scene;
  const auto details =
      error_of(scene.send(R"({"message":{"fid":"bad"}})")).at("details").as_array();
  EXPECT_EQ(details[1].at("fieldViolations").as_array()[0].at("field"), "message.fid");
}

TEST(World, DoesNotReachApnsInADryRun) {
  Scene scene(Scene::listing(one_of_each));
  const auto dry = [](const char* token) {
    return fmt::format(R"({{"validateOnly":true,"message":{{"token":"{}"}}}})", token);
  };
  EXPECT_EQ(kind_on_wire(scene.send(dry("d"))), "200");
  EXPECT_EQ(kind_on_wire(scene.send(dry("d4"))), "200");
  EXPECT_EQ(kind_on_wire(scene.send(dry("u"))), "404 UNREGISTERED");
  EXPECT_EQ(scene.world.books().accepted, 0U);
  EXPECT_EQ(scene.world.books().dry_runs, 2U);
  EXPECT_EQ(scene.stats().at("duplicates"), 0);
  EXPECT_EQ(json::parse(scene.get("/_emulator/messages").body).at("messages").as_array().size(),
            0U);
}

TEST(World, KnowsTheHealthOfGeneratedDevices) {
  WorldOptions options;
  const GeneratorOptions generated{.count = 2'000, .seed = 5};
  options.devices = DeviceBook(generated);
  Scene scene(std::move(options));
  const Generator generator(generated);
  HealthCounts wrong{};
  for (std::uint64_t i = 0; i < generated.count; ++i) {
    const auto health = generator.health(i);
    const auto kind = kind_on_wire(scene.send(to_token(generator.token(i))));
    const std::string_view wanted = health == Health::living         ? "200"
                                    : health == Health::unregistered ? "404 UNREGISTERED"
                                    : health == Health::wrong_sender ? "403 SENDER_ID_MISMATCH"
                                    : health == Health::flaky_503    ? "503 UNAVAILABLE"
                                    : health == Health::flaky_429    ? "429 QUOTA_EXCEEDED"
                                    : health == Health::flaky_cut    ? "cut"
                                                                     : "400 INVALID_ARGUMENT";
    if (kind != wanted) ++wrong[static_cast<std::size_t>(health)];
  }
  EXPECT_EQ(wrong, HealthCounts{});
}

// --- access tokens and projects ---

struct Guarded : Scene {
  Guarded() : Scene(options()) {}

  static WorldOptions options() {
    WorldOptions options;
    options.require_auth = true;
    options.tokens = TokenEndpoint::make(testing::account(), {"https://aud/token"}).value();
    return options;
  }
  Plan send_with(std::string authorization, std::string scheme = "https") {
    return post(send_path, to_token(token_of('c')), {{"authorization", std::move(authorization)}},
                std::move(scheme));
  }
  std::string fetch_token() {
    const auto form = testing::make_form(
        testing::make_jwt(testing::account(), testing::good_claims(now, "https://aud/token")));
    const auto body = json::parse(post("/token", form).response.body);
    return std::string(body.at("access_token").as_string());
  }
};

TEST(World, AcceptsATokenItIssued) {
  Guarded scene;
  EXPECT_EQ(scene.send_with("Bearer " + scene.fetch_token()).response.status, 200);
  EXPECT_EQ(scene.send_with("bearer " + scene.fetch_token()).response.status, 200);
  EXPECT_EQ(scene.stats().at("token_answers").at("200"), 2);
}

TEST(World, TellsMissingInvalidAndExpiredTokensApart) {
  Guarded scene;
  const auto reason = [](const Plan& plan) {
    EXPECT_EQ(plan.response.status, 401);
    const auto error = error_of(plan);
    if (!error.contains("details")) return std::string("none");
    return std::string(error.at("details").as_array()[0].at("reason").as_string());
  };
  const auto token = scene.fetch_token();
  EXPECT_EQ(reason(scene.send(to_token(token_of('c')))), "CREDENTIALS_MISSING");
  EXPECT_EQ(reason(scene.send_with("Basic abc")), "CREDENTIALS_MISSING");
  EXPECT_EQ(reason(scene.send_with("Bearer nonsense")), "none");
  scene.now += 1h;
  EXPECT_EQ(reason(scene.send_with("Bearer " + token)), "ACCESS_TOKEN_EXPIRED");
}

TEST(World, TakesTheOwnerOverPlaintextOnly) {
  Guarded scene;
  EXPECT_EQ(scene.send_with("Bearer owner", "http").response.status, 200);
  EXPECT_EQ(scene.send_with("Bearer owner", "https").response.status, 401);
}

TEST(World, RefusesForeignProjects) {
  Scene scene;
  const auto send = [&] {
    return scene.post("/v1/projects/other/messages:send", to_token(token_of('c')));
  };
  EXPECT_EQ(kind_on_wire(send()), "403");
  EXPECT_NE(message_of(send()).find("projects/other"), std::string::npos);
  scene.set(R"({"foreign_project_404":true})");
  EXPECT_EQ(kind_on_wire(send()), "404");
}

TEST(World, ServesAnyProjectWhenTold) {
  WorldOptions options;
  options.any_project = true;
  Scene scene(std::move(options));
  const auto plan = scene.post("/v1/projects/other/messages:send", to_token(token_of('c')));
  EXPECT_EQ(plan.response.status, 200);
  EXPECT_NE(plan.response.body.find("projects/other/messages/"), std::string::npos);
}

TEST(World, AnswersOtherPathsAsTheFrontEnd) {
  Scene scene;
  for (const auto* path :
       {"/", "/batch", "/fcm/send", "/v1/fanfare-demo/messages:send", "/v1/projects//messages:send",
        "/v1/projects/a/b/messages:send", "/v1/projects/%zz/messages:send"}) {
    const auto plan = scene.post(path, to_token(token_of('c')));
    EXPECT_EQ(plan.response.status, 404) << path;
    EXPECT_NE(plan.response.body.find("Error 404 (Not Found)!!1"), std::string::npos) << path;
  }
  EXPECT_EQ(scene.get(send_path).status, 404);
  EXPECT_EQ(scene.stats().at("other_requests"), 8);
  EXPECT_EQ(scene.stats().at("requests"), 0);
}

// --- faults ---

TEST(World, FailsTheWholeProjectOnRequest) {
  const std::pair<const char*, const char*> cases[] = {{"project_not_found", "404"},
                                                       {"api_disabled", "403"},
                                                       {"iam", "403"},
                                                       {"unauthenticated", "401"},
                                                       {"service_503", "503 UNAVAILABLE"},
                                                       {"quota_429", "429"},
                                                       {"payload_invalid", "400 INVALID_ARGUMENT"}};
  Scene scene(Scene::listing(one_of_each));
  for (const auto& [fault, kind] : cases) {
    scene.set(fmt::format(R"({{"fault":"{}"}})", fault).c_str());
    EXPECT_EQ(kind_on_wire(scene.send(to_token("alive"))), kind) << fault;
  }
  scene.set(R"({"fault":"none"})");
  EXPECT_EQ(kind_on_wire(scene.send(to_token("alive"))), "200");
}

TEST(World, PutsAProxysPageInTheWay) {
  Scene scene;
  for (const auto& [fault, status] : {std::pair{"html_404", 404}, std::pair{"html_502", 502}}) {
    scene.set(fmt::format(R"({{"fault":"{}"}})", fault).c_str());
    const auto response = scene.send(to_token(token_of('c'))).response;
    EXPECT_EQ(response.status, status);
    EXPECT_TRUE(http2::find_header(response, "content-type").starts_with("text/html"));
  }
}

TEST(World, BreaksApnsForIosOnly) {
  Scene scene(Scene::listing("token,platform\ni,ios\na,android\nw,web\n"));
  scene.set(R"({"fault":"apns_broken"})");
  EXPECT_EQ(kind_on_wire(scene.send(to_token("i"))), "401 THIRD_PARTY_AUTH_ERROR");
  EXPECT_EQ(kind_on_wire(scene.send(to_token("a"))), "200");
  EXPECT_EQ(kind_on_wire(scene.send(to_token("w"))), "200");
}

TEST(World, KeepsAnOutageToItsShareAndItsDevices) {
  Scene scene;
  scene.set(R"({"fault":"outage_404","outage_share":0.3})");
  int gone = 0;
  for (int i = 0; i < 2'000; ++i) {
    const auto body = to_token(fmt::format("c:{:040}", i));
    const auto kind = kind_on_wire(scene.send(body));
    EXPECT_EQ(kind_on_wire(scene.send(body)), kind);
    gone += kind == "404 UNREGISTERED" ? 1 : 0;
  }
  EXPECT_NEAR(gone, 600, 100);
}

TEST(World, FailsAShareOfMessagesAtRandom) {
  Scene scene;
  scene.set(R"({"error_503_share":0.25,"retry_after":7})");
  int failed = 0;
  for (int i = 0; i < 2'000; ++i) {
    const auto plan = scene.send(to_token(token_of('c')));
    if (plan.response.status != 503) continue;
    ++failed;
    EXPECT_EQ(http2::find_header(plan.response.headers, "retry-after"), "7");
  }
  EXPECT_NEAR(failed, 500, 100);
}

TEST(World, RepeatsItsRandomnessForASeed) {
  const auto run = [](int seed) {
    Scene scene;
    scene.set(fmt::format(R"({{"error_503_share":0.5,"seed":{}}})", seed).c_str());
    std::string statuses;
    for (int i = 0; i < 64; ++i) {
      statuses += std::to_string(scene.send(to_token(token_of('c'))).response.status);
    }
    return statuses;
  };
  EXPECT_EQ(run(8), run(8));
  EXPECT_NE(run(8), run(9));
}

TEST(World, SaysRetryAfterAsADate) {
  Scene scene;
  scene.set(R"({"fault":"quota_429","retry_after":90,"retry_after_as_date":true})");
  EXPECT_EQ(http2::find_header(scene.send(to_token(token_of('c'))).response.headers, "retry-after"),
            "Tue, 24 Nov 2026 06:01:30 GMT");
}

// Otherwise the client would get an empty answer, with a GOAWAY that says it was processed.
TEST(World, ARefusedStreamIsNotAnsweredWhateverStrikesLater) {
  Scene scene;
  scene.set(R"({"rules":[{"fault":"refused_stream"},{"fault":"goaway_after"}]})");
  EXPECT_EQ(scene.send(to_token(token_of('c'))).mishap, http2::Mishap::refuse);
  EXPECT_EQ(scene.stats().at("answers"), (json::object{{"refused_stream", 1}}));
}

TEST(World, HoldsTheQuotaForAMinuteFromTheFirstMessage) {
  Scene scene(Scene::listing(one_of_each));
  scene.set(R"({"quota_per_minute":3})");
  scene.now += 17s;
  EXPECT_EQ(kind_on_wire(scene.send(to_token("alive"))), "200");
  EXPECT_EQ(kind_on_wire(scene.send(to_token("u"))), "404 UNREGISTERED");       // Counts too.
  EXPECT_EQ(kind_on_wire(scene.send(to_token("f503"))), "503 UNAVAILABLE");     // Does not.
  EXPECT_EQ(kind_on_wire(scene.send(to_token("f429"))), "429 QUOTA_EXCEEDED");  // Nor this.
  EXPECT_EQ(kind_on_wire(scene.send(to_token("alive"))), "200");
  EXPECT_EQ(kind_on_wire(scene.send(to_token("alive"))), "429");
  scene.now += 59s;
  EXPECT_EQ(kind_on_wire(scene.send(to_token("alive"))), "429");
  scene.now += 1s;
  EXPECT_EQ(kind_on_wire(scene.send(to_token("alive"))), "200");
}

TEST(World, HoldsEachProjectToAQuotaOfItsOwn) {
  WorldOptions options;
  options.any_project = true;
  Scene scene(std::move(options));
  scene.set(R"({"quota_per_minute":1})");
  const auto send = [&](std::string_view project) {
    return kind_on_wire(
        scene.post(fmt::format("/v1/projects/{}/messages:send", project), to_token(token_of('c'))));
  };
  EXPECT_EQ(send("one"), "200");
  EXPECT_EQ(send("one"), "429");
  EXPECT_EQ(send("two"), "200");
}

TEST(World, DelaysRequestsWithinTheJitter) {
  Scene scene;
  EXPECT_EQ(scene.world.delay_of({}, scene.now), 0ms);
  scene.set(R"({"latency_ms":80,"latency_jitter_ms":20})");
  for (int i = 0; i < 100; ++i) {
    const auto delay = scene.world.delay_of({}, scene.now);
    EXPECT_GE(delay, 80ms);
    EXPECT_LE(delay, 100ms);
  }
}

// --- books ---

TEST(World, BalancesItsBooks) {
  WorldOptions options;
  options.devices = DeviceBook(GeneratorOptions{.count = 1'000, .seed = 2});
  Scene scene(std::move(options));
  const Generator generator({.count = 1'000, .seed = 2});
  for (std::uint64_t i = 0; i < 1'000; ++i) (void)scene.send(to_token(generator.token(i)));
  (void)scene.send("not json");
  const auto stats = scene.stats();
  std::int64_t sum = 0;
  for (const auto& answer : stats.at("answers").as_object()) {
    sum += answer.value().to_number<std::int64_t>();
  }
  EXPECT_EQ(stats.at("requests"), 1'001);
  EXPECT_EQ(sum, 1'001);
  EXPECT_EQ(stats.at("answers").at("cut"), 1);
  EXPECT_EQ(stats.at("accepted"), stats.at("answers").at("200"));
  EXPECT_EQ(stats.at("accepted"), stats.at("devices_by_health").at("living"));
  EXPECT_EQ(stats.at("devices"), 1'000);
}

TEST(World, TellsTheMostThatAnyMinuteHeldCountedAsFcmCounts) {
  Scene scene(Scene::listing(one_of_each));
  for (const auto* token : {"alive", "u", "f503", "f429", "alive"}) {
    (void)scene.send(to_token(token));
    scene.now += 20s;
  }
  (void)scene.send("not json");
  EXPECT_EQ(scene.stats().at("most_in_a_minute"), 2) << "a client error counts, 429 and 503 do not";
  scene.now += 2min;
  (void)scene.send(to_token("alive"));
  EXPECT_EQ(scene.stats().at("most_in_a_minute"), 2);

  EXPECT_EQ(scene.post("/_emulator/reset", "").response.status, 200);
  EXPECT_EQ(scene.stats().at("most_in_a_minute"), 0);
}

TEST(World, TellsTheMostThatAnyMinuteHeldForEachProject) {
  WorldOptions options;
  options.any_project = true;
  Scene scene(std::move(options));
  for (const auto* project : {"one", "two", "one"}) {
    (void)scene.post(fmt::format("/v1/projects/{}/messages:send", project),
                     to_token(token_of('c')));
  }
  const auto stats = scene.stats();
  EXPECT_EQ(stats.at("most_in_a_minute"), 2);
  EXPECT_EQ(stats.at("most_in_a_minute_by_project"), (json::object{{"one", 2}, {"two", 1}}));
}

TEST(World, CountsSecondSends) {
  Scene scene(Scene::listing(one_of_each));
  for (const auto* token : {"alive", "u", "f503", "u", "f503", "alive", "alive"}) {
    (void)scene.send(to_token(token));
  }
  auto stats = scene.stats();
  EXPECT_EQ(stats.at("duplicates"), 1);
  EXPECT_EQ(stats.at("second_sends"), 2);
  EXPECT_EQ(stats.at("accepted"), 4);

  EXPECT_EQ(scene.post("/_emulator/reset", "").response.status, 200);
  (void)scene.send(to_token("alive"));
  stats = scene.stats();
  EXPECT_EQ(stats.at("duplicates"), 0);
  EXPECT_EQ(stats.at("requests"), 1);
}

TEST(World, ListsDevicesWithWhatHappenedToThem) {
  Scene scene(Scene::listing("token,health,platform\na,living,ios\n\"b,c\",unregistered,\n"));
  (void)scene.send(to_token("a"));
  (void)scene.send(to_token("b,c"));
  (void)scene.send(to_token("b,c"));
  EXPECT_EQ(scene.get("/_emulator/devices").body,
            "token,health,platform,accepted,requests,reached\n"
            "a,living,ios,1,1,0\n\"b,c\",unregistered,,0,2,0\n");
  EXPECT_EQ(scene.get("/_emulator/devices?offset=1&limit=5").body,
            "token,health,platform,accepted,requests,reached\n\"b,c\",unregistered,,0,2,0\n");
}

TEST(World, KeepsTheLastMessages) {
  WorldOptions options;
  options.kept_messages = 2;
  Scene scene(std::move(options));
  for (const auto* topic : {"one", "two", "three"}) {
    (void)scene.send(fmt::format(R"({{"message":{{"topic":"{}"}}}})", topic));
  }
  (void)scene.send(R"({"message":{"topic":"bad!"}})");
  const auto body = json::parse(scene.get("/_emulator/messages").body);
  const auto& messages = body.at("messages").as_array();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].at("request").at("message").at("topic"), "three");
  EXPECT_EQ(messages[1].at("request").at("message").at("topic"), "two");
  EXPECT_EQ(
      json::parse(scene.get("/_emulator/messages?limit=1").body).at("messages").as_array().size(),
      1U);
}

TEST(World, CountsWhatIsInFlight) {
  Scene scene;
  scene.world.arrived(1);
  scene.world.arrived(2);
  scene.world.answered();
  scene.world.lost();
  const auto stats = scene.stats();
  EXPECT_EQ(stats.at("in_flight"), 0);
  EXPECT_EQ(stats.at("max_in_flight"), 2);
  EXPECT_EQ(stats.at("max_connections"), 2);
  EXPECT_EQ(stats.at("lost"), 1);
}

TEST(World, RefusesBadFaultSettingsAndKeepsTheOld) {
  Scene scene;
  scene.set(R"({"latency_ms":5})");
  for (const auto* body : {"", "[]", R"({"fault":"none","latency_ms":-1})", R"({"x":1})"}) {
    EXPECT_EQ(scene.post("/_emulator/faults", body).response.status, 400) << body;
  }
  EXPECT_EQ(json::parse(scene.get("/_emulator/faults").body).at("latency_ms"), 5);
}

TEST(World, ReplacesFaultsByPutAndAmendsThemByPost) {
  Scene scene;
  scene.set(R"({"latency_ms":5})");
  scene.set(R"({"fault":"iam"})");
  EXPECT_EQ(scene.world.faults().latency.base, 5ms);
  http2::Request request;
  request.method = "PUT";
  request.path = "/_emulator/faults";
  request.body = "{}";
  EXPECT_EQ(scene.world.answer(request, scene.now).response.status, 200);
  EXPECT_EQ(scene.world.faults().latency.base, 0ms);
  EXPECT_EQ(scene.world.faults().fault, Fault::none);
}

TEST(World, HasNoOtherDoors) {
  Scene scene;
  EXPECT_EQ(scene.get("/_emulator/nothing").status, 404);
  EXPECT_EQ(scene.get("/_emulator/reset").status, 404);
  EXPECT_EQ(scene.post("/_emulator/stats", "").response.status, 404);
}

}  // namespace
}  // namespace fanfare::emulator
