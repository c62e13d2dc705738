// The committed OpenAPI document and the operations that the gateway has, held against each other.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "gateway/testing/device_world.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;

class OpenApi : public DeviceWorld {
 protected:
  OpenApi() {
    std::ifstream file(FANFARE_ROOT_DIR "/docs/openapi.json");
    document_ = json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  }

  /// Calls `visit` with method, path and operation.
  template <class Visit>
  void each_documented(Visit&& visit) const {
    for (const auto& [path, methods] : document_.at("paths").as_object()) {
      for (const auto& [method, operation] : methods.as_object()) {
        std::string upper(method);
        std::ranges::transform(upper, upper.begin(), [](char c) {
          return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        });
        visit(upper, std::string(path), operation.as_object());
      }
    }
  }
  static bool is_about_devices(const json::object& operation) {
    return operation.at("tags").at(0) == "devices";
  }
  /// What "#/components/schemas/Error" names; null when there is none.
  [[nodiscard]] const json::value* resolve(std::string_view reference) const {
    boost::system::error_code error;
    return document_.find_pointer(reference.substr(1), error);
  }
  static void find_references(const json::value& value, std::set<std::string>& found) {
    if (const auto* array = value.if_array()) {
      for (const auto& each : *array) find_references(each, found);
    }
    if (const auto* object = value.if_object()) {
      for (const auto& [name, each] : *object) {
        if (name == "$ref") found.emplace(each.as_string());
        find_references(each, found);
      }
    }
  }

  json::value document_;
};

TEST_F(OpenApi, HasExactlyTheOperationsOfDevices) {
  std::set<std::string> documented;
  each_documented([&](const std::string& method, const std::string& path, const auto& operation) {
    if (!is_about_devices(operation)) return;
    documented.insert(
        fmt::format("{} {} {}", method, path, operation.at("operationId").as_string().c_str()));
  });
  std::set<std::string> there_are;
  for (const Operation& operation : operations_.all()) {
    there_are.insert(fmt::format("{} {} {}", operation.method, operation.pattern, operation.id));
  }
  EXPECT_EQ(documented, there_are);
}

TEST_F(OpenApi, NamesEveryPartOfAPath) {
  each_documented([&](const std::string&, const std::string& path, const auto& operation) {
    std::set<std::string> named;
    for (const auto& parameter : operation.at("parameters").as_array()) {
      const json::value* meant = resolve(parameter.at("$ref").as_string());
      ASSERT_NE(meant, nullptr);
      if (meant->at("in") == "path") named.emplace(meant->at("name").as_string());
    }
    std::set<std::string> parts;
    for (auto at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1)) {
      parts.insert(path.substr(at + 1, path.find('}', at) - at - 1));
    }
    EXPECT_EQ(named, parts) << path;
  });
}

TEST_F(OpenApi, SaysTheScopeThatIsNeeded) {
  each_documented([&](const std::string& method, const std::string& path, const auto& operation) {
    for (const Operation& each : operations_.all()) {
      if (each.method != method || each.pattern != path || !each.scope) continue;
      const std::string text(operation.at("description").as_string());
      EXPECT_NE(text.find(fmt::format("scope `{}`", to_string(*each.scope))), std::string::npos)
          << each.id;
    }
  });
}

TEST_F(OpenApi, HasWhatItRefersTo) {
  std::set<std::string> references;
  find_references(document_, references);
  EXPECT_FALSE(references.empty());
  for (const auto& reference : references) EXPECT_NE(resolve(reference), nullptr) << reference;
}

}  // namespace
}  // namespace fanfare::gateway
