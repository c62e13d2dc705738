#include "emulator/page.h"

#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

namespace fanfare::emulator {
namespace {

std::string source(const std::string& name) {
  std::ifstream file(std::string(FANFARE_SOURCE_DIR) + "/page/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string_view body_at(std::string_view path) {
  const auto* file = find_page_file(path);
  return file == nullptr ? std::string_view("nothing") : file->body;
}

// No step between what is written and what is served may change a byte.
TEST(Page, IsServedAsItIsWritten) {
  EXPECT_EQ(body_at("/"), source("index.html"));
  EXPECT_EQ(body_at("/_emulator/"), source("index.html"));
  EXPECT_EQ(body_at("/_emulator/page.css"), source("page.css"));
  EXPECT_EQ(body_at("/_emulator/page.js"), source("page.js"));
}

TEST(Page, HasNothingElsewhere) {
  EXPECT_EQ(find_page_file("/index.html"), nullptr);
  EXPECT_EQ(find_page_file("/_emulator/stats"), nullptr);
  EXPECT_EQ(find_page_file(""), nullptr);
}

TEST(Page, SaysWhatItsFilesAre) {
  EXPECT_EQ(find_page_file("/")->content_type, "text/html; charset=UTF-8");
  EXPECT_EQ(find_page_file("/_emulator/page.css")->content_type, "text/css; charset=UTF-8");
  EXPECT_EQ(find_page_file("/_emulator/page.js")->content_type, "text/javascript; charset=UTF-8");
}

// The machine may be offline, and the policy forbids what is inline: each part is one of ours.
TEST(Page, NeedsNothingFromElsewhere) {
  const auto page = body_at("/");
  EXPECT_NE(page.find(R"(href="/_emulator/page.css")"), std::string_view::npos);
  EXPECT_NE(page.find(R"(src="/_emulator/page.js")"), std::string_view::npos);
  EXPECT_EQ(page.find("style="), std::string_view::npos);
  EXPECT_EQ(page.find("src=\"http"), std::string_view::npos);
  EXPECT_EQ(page.find("href=\"http"), std::string_view::npos);
  EXPECT_EQ(body_at("/_emulator/page.css").find("url("), std::string_view::npos);
  const auto script = body_at("/_emulator/page.js");
  EXPECT_EQ(script.find("import "), std::string_view::npos);
  EXPECT_EQ(script.find("innerHTML"), std::string_view::npos);
  EXPECT_EQ(script.find("insertAdjacentHTML"), std::string_view::npos);
}

}  // namespace
}  // namespace fanfare::emulator
