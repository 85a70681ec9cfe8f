# How everything is compiled. The presets set these; the defaults are those of `debug`.

option(JETWAY_WERROR "Warnings are errors" ON)
option(JETWAY_LTO "Link the command with link-time optimization" OFF)
option(JETWAY_FUZZ "Build libFuzzer binaries (clang) instead of corpus replays" OFF)
option(JETWAY_COVERAGE "Instrument for gcov" OFF)
option(JETWAY_BUILD_TESTS "Build tests and examples" ON)
option(JETWAY_BUILD_BENCH "Build benchmarks" ON)
set(JETWAY_SANITIZE "" CACHE STRING "Sanitizers, comma separated: address,undefined or thread")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_NO_SYSTEM_FROM_IMPORTED OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set_property(GLOBAL PROPERTY USE_FOLDERS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Debug CACHE STRING "" FORCE)
endif()
if(JETWAY_SANITIZE)
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
else()
  set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g1 -DNDEBUG")
# A test's own code is run once: only what it tests is worth the time that optimizing takes.
set(JETWAY_TEST_CODE_OPTIONS "$<IF:$<CONFIG:Release>,-O1;-g0,-O0;-g1>")

find_program(JETWAY_CCACHE ccache)
if(JETWAY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness is what ccache asks for where headers are precompiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${JETWAY_CCACHE}")
endif()
find_program(JETWAY_MOLD mold)
if(JETWAY_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# ---- hardening, everywhere ----
add_compile_definitions(_GLIBCXX_ASSERTIONS)
# -fPIC for programs as for libraries, so that both can use the same precompiled headers.
add_compile_options(-fPIC -fno-semantic-interposition -fstack-protector-strong -fno-plt)
add_link_options(-Wl,-z,relro,-z,now)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND JETWAY_SANITIZE STREQUAL "")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-clash-protection -fcf-protection)
endif()

# ---- instrumentation ----
if(JETWAY_SANITIZE)
  add_compile_options(-fsanitize=${JETWAY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${JETWAY_SANITIZE})
  if(JETWAY_SANITIZE MATCHES "undefined")
    # It asks the kernel through a pipe of its own whether an object may be read, and so calls a sound program
    # broken that has run out of descriptors, which tests do on purpose; a dead object is found all the same.
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()
if(JETWAY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(JETWAY_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()

# ---- warnings ----
set(JETWAY_WARNINGS
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
    -Wold-style-cast -Woverloaded-virtual)
if(JETWAY_WERROR)
  list(APPEND JETWAY_WARNINGS -Werror)
endif()
if(CMAKE_UNITY_BUILD)
  # A coroutine's frame may well hold a type of its own source's; unity builds take every source for a header.
  list(APPEND JETWAY_WARNINGS -Wno-subobject-linkage)
endif()
# These follow values through inlined library code and are wrong there as soon as the optimizer or a
# sanitizer has reshaped it; the debug build keeps them.
set(JETWAY_NO_FLOW_WARNINGS
    -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread
    -Wno-restrict -Wno-free-nonheap-object -Wno-null-dereference -Wno-dangling-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  if(CMAKE_BUILD_TYPE STREQUAL "Release" OR JETWAY_SANITIZE OR JETWAY_COVERAGE)
    list(APPEND JETWAY_WARNINGS ${JETWAY_NO_FLOW_WARNINGS})
  endif()
  if(JETWAY_SANITIZE MATCHES "thread")
    list(APPEND JETWAY_WARNINGS -Wno-tsan)   # Asio uses fences; it annotates them for the sanitizer
  endif()
endif()
