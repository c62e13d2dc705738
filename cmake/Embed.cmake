# Files as part of a program.

# fanfare_embed(file …)
# Makes of each file, named relative to the source directory, FILE.inc in the binary directory: a
# raw string literal to be included where a text is wanted. Done when CMake configures, which it
# does again when a file has changed, so that clang-tidy finds them without a build.
function(fanfare_embed)
  foreach(file IN LISTS ARGN)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    file(READ "${file}" text)
    file(CONFIGURE OUTPUT "${file}.inc" CONTENT "R\"embedded(@text@)embedded\"\n" @ONLY)
  endforeach()
endfunction()
