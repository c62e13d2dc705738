# Everything comes from the distribution's packages; nothing is downloaded.
# docs/adr/ says why each was chosen.

find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Boost 1.81 EXACT REQUIRED COMPONENTS json)
find_package(fmt 9 REQUIRED)
find_package(simdjson 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2>=1.52)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd>=1.5)
find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)

add_library(fanfare_json INTERFACE)
target_link_libraries(fanfare_json INTERFACE Boost::json)

if(FANFARE_TESTS OR FANFARE_FUZZ)
  find_package(GTest 1.12 REQUIRED)
endif()
