# How a module, its tests and its fuzz targets are declared, so that each CMakeLists.txt
# says only what is special about its module.

# What a fuzzer needs to see which ways the code goes: in the modules, not in their tests.
add_library(fanfare_coverage INTERFACE)
if(FANFARE_FUZZ)
  target_compile_options(fanfare_coverage INTERFACE -fsanitize=fuzzer-no-link)
endif()

# The standard headers, precompiled once and shared by all modules.
if(FANFARE_PCH)
  # clang reads from these only what a source uses, so that the two biggest libraries pay as well;
  # g++ takes as long with them as without.
  set(FANFARE_PCH_LIBRARIES "")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    set(FANFARE_PCH_LIBRARIES
      <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp> <boost/asio/post.hpp>
      <boost/asio/steady_timer.hpp> <boost/asio/write.hpp> <boost/json.hpp>)
  endif()
  file(WRITE "${CMAKE_BINARY_DIR}/pch.cpp.in" "int fanfare_pch_anchor = 0;\n")
  configure_file("${CMAKE_BINARY_DIR}/pch.cpp.in" "${CMAKE_BINARY_DIR}/pch.cpp" COPYONLY)
  add_library(fanfare_pch OBJECT "${CMAKE_BINARY_DIR}/pch.cpp")
  target_link_libraries(fanfare_pch PRIVATE fanfare_compile fanfare_coverage fmt::fmt)
  target_precompile_headers(fanfare_pch PRIVATE
    <algorithm> <array> <chrono> <cstdint> <deque> <expected> <functional> <map> <memory>
    <optional> <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>
    <fmt/format.h> ${FANFARE_PCH_LIBRARIES})
  if(FANFARE_TESTS)
    add_library(fanfare_test_pch OBJECT "${CMAKE_BINARY_DIR}/pch.cpp")
    target_link_libraries(fanfare_test_pch PRIVATE fanfare_compile fmt::fmt GTest::gtest)
    target_precompile_headers(fanfare_test_pch PRIVATE
      <algorithm> <chrono> <deque> <expected> <functional> <map> <memory> <optional> <span>
      <string> <string_view> <unordered_map> <vector> <fmt/format.h> <gtest/gtest.h>
      ${FANFARE_PCH_LIBRARIES})
  endif()
endif()

# fanfare_module(NAME SOURCES a.cpp … DEPENDS base … LIBRARIES Boost::json …)
# A static library fanfare_NAME. DEPENDS are modules of ours, LIBRARIES are others'.
function(fanfare_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_library(fanfare_${name} STATIC ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPENDS PREPEND fanfare_)
  target_link_libraries(fanfare_${name}
    PUBLIC ${ARG_DEPENDS} fmt::fmt ${ARG_LIBRARIES} PRIVATE fanfare_compile fanfare_coverage)
  target_include_directories(fanfare_${name} PUBLIC
    "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  if(FANFARE_PCH)
    target_precompile_headers(fanfare_${name} REUSE_FROM fanfare_pch)
  endif()
endfunction()

# fanfare_tests(NAME SOURCES a_test.cpp … [DEPENDS …] [LIBRARIES …] [TIMEOUT seconds])
# One test program NAME_test for the module NAME.
function(fanfare_tests name)
  if(NOT FANFARE_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name}_test ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPENDS PREPEND fanfare_)
  target_link_libraries(${name}_test PRIVATE
    fanfare_${name} ${ARG_DEPENDS} ${ARG_LIBRARIES} fanfare_compile GTest::gtest_main)
  target_compile_definitions(${name}_test PRIVATE
    FANFARE_SOURCE_DIR="${CMAKE_CURRENT_SOURCE_DIR}" FANFARE_ROOT_DIR="${PROJECT_SOURCE_DIR}")
  if(FANFARE_PCH)
    target_precompile_headers(${name}_test REUSE_FROM fanfare_test_pch)
  endif()
  add_test(NAME ${name} COMMAND ${name}_test)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()

if(FANFARE_FUZZ)
  add_custom_target(fuzzers)
endif()

# fanfare_fuzz(TARGET SOURCE x_fuzz.cpp DEPENDS module …)
# With clang (preset asan): TARGET_fuzz, a libFuzzer program. Otherwise: TARGET_replay, a test
# that feeds the committed corpus fuzz/corpus/TARGET through the same function.
function(fanfare_fuzz target)
  cmake_parse_arguments(ARG "" "SOURCE" "DEPENDS" ${ARGN})
  list(TRANSFORM ARG_DEPENDS PREPEND fanfare_)
  if(FANFARE_FUZZ)
    add_executable(${target}_fuzz ${ARG_SOURCE})
    target_link_options(${target}_fuzz PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${target}_fuzz PRIVATE
      ${ARG_DEPENDS} fanfare_compile fanfare_coverage)
    set_target_properties(${target}_fuzz PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzzers")
    add_dependencies(fuzzers ${target}_fuzz)
  elseif(FANFARE_TESTS)
    add_executable(${target}_replay ${ARG_SOURCE} "${PROJECT_SOURCE_DIR}/fuzz/replay_main.cpp")
    target_link_libraries(${target}_replay PRIVATE ${ARG_DEPENDS} fanfare_compile)
    add_test(NAME ${target}_corpus
             COMMAND ${target}_replay "${PROJECT_SOURCE_DIR}/fuzz/corpus/${target}")
    set_tests_properties(${target}_corpus PROPERTIES TIMEOUT 60)
  endif()
endfunction()
