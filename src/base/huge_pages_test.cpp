#include "base/huge_pages.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "base/prefetch.h"

namespace fanfare {
namespace {

using Table = std::vector<std::uint32_t, HugePageAllocator<std::uint32_t>>;

bool begins_page(const Table& table) {
  return std::bit_cast<std::uintptr_t>(table.data()) % Table::allocator_type::page_bytes == 0;
}

TEST(HugePages, ATableKeepsWhatItHoldsWhileItGrows) {
  Table table;
  for (std::uint32_t i = 0; i < 2'000'000; ++i) table.push_back(i);  // 8 MB, by many steps.
  for (std::uint32_t i = 0; i < 2'000'000; ++i) ASSERT_EQ(table[i], i);
  const Table copy = table;
  table.resize(10);
  table.shrink_to_fit();  // Back to the usual memory.
  EXPECT_EQ(table, Table(copy.begin(), copy.begin() + 10));
}

TEST(HugePages, OnlyALargeTableBeginsAPageOfItsOwn) {
  const std::size_t few = Table::allocator_type::few_bytes / sizeof(std::uint32_t);
  EXPECT_TRUE(begins_page(Table(few)));
  EXPECT_FALSE(begins_page(Table(few - 1)));
  EXPECT_TRUE(begins_page(Table(100 * few)));
}

TEST(Prefetch, NeedNotStayWithinWhatIsThere) {
  const std::vector<char> little(10);
  prefetch(little.data(), 100'000);
  prefetch(nullptr, 0);
}

}  // namespace
}  // namespace fanfare
