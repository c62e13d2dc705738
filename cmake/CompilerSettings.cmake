# Warnings, sanitizers, ccache and the linker: one place for how everything is compiled.

add_library(fanfare_compile INTERFACE)
target_compile_options(fanfare_compile INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual
  -Wnon-virtual-dtor -Woverloaded-virtual -Wundef -Werror)
target_include_directories(fanfare_compile INTERFACE
  "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside the standard library when it inlines std::string and
  # std::vector (GCC bugs 105329, 105651, 107852); the sanitizers find the real ones.
  target_compile_options(fanfare_compile INTERFACE
    -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds
    -Wno-maybe-uninitialized -Wno-free-nonheap-object)
else()
  # libstdc++ 12 deprecates std::get_temporary_buffer, which its own stable_sort and
  # stable_partition use; g++ reports what is deprecated elsewhere.
  target_compile_options(fanfare_compile INTERFACE -Wno-deprecated-declarations)
endif()

# Line tables are enough for backtraces, and halve the size of what is linked.
string(REPLACE "-g" "-g1" CMAKE_CXX_FLAGS_DEBUG "${CMAKE_CXX_FLAGS_DEBUG}")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

if(FANFARE_SANITIZE)
  # With clang most of the time at -O1 goes into optimising what the sanitizers insert: unoptimised,
  # the build takes half as long, and the tests, which mostly wait, hardly longer.
  set(FANFARE_SANITIZE_LEVEL -O1)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    set(FANFARE_SANITIZE_LEVEL -O0)
  endif()
  add_compile_options(-fsanitize=${FANFARE_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer ${FANFARE_SANITIZE_LEVEL})
  add_link_options(-fsanitize=${FANFARE_SANITIZE})
  if(FANFARE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio's fences, which the sanitizer can't follow; what they guard is behind locks as well.
    add_compile_options(-Wno-tsan)
  endif()
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # Without this ccache refuses every file that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime;${CCACHE}")
  if(FANFARE_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  elseif(FANFARE_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
  endif()
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
