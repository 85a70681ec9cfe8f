# The functions that layers, tests, benchmarks and fuzz targets are declared with.
#
#   jetway_library(NAME <layer> SOURCES a.cc... [HEADERS a.h...] [DEPS <layer>...]
#                  [PACKAGES <target>...] [PUBLIC_PACKAGES <target>...])
#       Static library jetway_<layer>, alias jetway::<layer>; without SOURCES an interface library.
#       DEPS are public and have to stand above <layer> in JETWAY_LAYERS.
#   jetway_program(NAME <name> SOURCES... [DEPS...] [PACKAGES...])
#       Program bin/<name> (target <name>_program), with link-time optimization in `release`.
#   jetway_test(NAME <name> SOURCES... [DEPS...] [PACKAGES...] [LABELS...] [TIMEOUT <seconds>] [WHOLE]
#               [DEFINITIONS...])
#       Program tests/test_<name> on GoogleTest, GoogleMock and RapidCheck. ctest runs each case by itself
#       as <name>.<Suite>.<Case>; with WHOLE it runs the program once, for suites of thousands of cases.
#   jetway_test_library(NAME <name> SOURCES... [HEADERS...] [DEPS...] [PACKAGES...] [PUBLIC_PACKAGES...])
#       Library jetway::<name> for tests and benchmarks only (tests/sim).
#   jetway_bench(NAME <name> SOURCES... [DEPS...] [PACKAGES...] [LTO])
#       Program bench/bench_<name> on Google Benchmark, and ctest bench_<name> (label bench-smoke) that
#       runs every case for a moment.
#   jetway_fuzz(NAME <name> SOURCES... [DEPS...] [PACKAGES...] [CORPUS <dir>])
#       Program fuzz/fuzz_<name>. In the `fuzz` preset it is a libFuzzer binary, in all others it replays
#       the corpus (default: corpus/<name>), and ctest runs it as fuzz_<name> (label fuzz-replay).
#   jetway_example(NAME <name> SOURCES... [DEPS...] [PACKAGES...] [ARGS...])
#       Program examples/<name>, run by ctest as example_<name>; without DEPS it links the whole library.
#
# Everything includes from src, as in #include "jetway/base/bytes.h".

set(JETWAY_LAYERS
    base wire crypto
    session framed jsp quic nat webrtc mesh relay transfer
    io store transport service node api)
# Layers that are pure: no socket, clock, thread, random device, and no Boost (tools/lint/rules.py reads
# the includes, jetway_library refuses the packages).
set(JETWAY_PURE_LAYERS base wire crypto session framed jsp quic nat webrtc mesh relay transfer)
set(JETWAY_IMPURE_PACKAGES "^(Boost|spdlog|CLI11|tomlplusplus|SQLite|SQLiteCpp)::")

# ---- folders ----

function(jetway_add_folder folder)
  file(GLOB found CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/CMakeLists.txt")
  if(found)
    add_subdirectory("${PROJECT_SOURCE_DIR}/${folder}" "${PROJECT_BINARY_DIR}/obj/${folder}")
  endif()
endfunction()

# Every <parent>/<folder> with a CMakeLists.txt, those named first before the others. The glob is looked at
# again by each build, so a new folder needs no new configure.
function(jetway_add_folders parent)
  file(GLOB found CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/${parent}/*/CMakeLists.txt")
  list(TRANSFORM found REPLACE "/CMakeLists.txt$" "")
  list(TRANSFORM ARGN PREPEND "${parent}/" OUTPUT_VARIABLE folders)
  list(APPEND folders ${found})
  list(REMOVE_DUPLICATES folders)
  foreach(folder IN LISTS folders)
    jetway_add_folder(${folder})
  endforeach()
endfunction()

function(jetway_add_layers)
  jetway_precompile_headers(library standard.h LTO)
  jetway_precompile_headers(program standard.h)
  if(JETWAY_BUILD_TESTS)
    jetway_precompile_headers(test test.h OPTIONS ${JETWAY_TEST_CODE_OPTIONS}
                              PACKAGES GTest::gmock GTest::gtest_main rapidcheck::rapidcheck)
  endif()
  jetway_add_folders(src/jetway ${JETWAY_LAYERS})
  add_library(jetway_all INTERFACE)
  add_library(jetway::jetway ALIAS jetway_all)
  foreach(layer IN LISTS JETWAY_LAYERS)
    if(TARGET jetway_${layer})
      target_link_libraries(jetway_all INTERFACE jetway_${layer})
    endif()
  endforeach()
endfunction()

# ---- checks ----

# A layer may use the layers above it in JETWAY_LAYERS, and a pure one only pure packages.
function(jetway_check_layer layer deps packages)
  list(FIND JETWAY_LAYERS ${layer} position)
  if(position EQUAL -1)
    message(FATAL_ERROR "jetway_library: ${layer} is not in JETWAY_LAYERS (cmake/JetwayTargets.cmake)")
  endif()
  foreach(dep IN LISTS deps)
    list(FIND JETWAY_LAYERS ${dep} dep_position)
    if(dep_position EQUAL -1 OR dep_position GREATER_EQUAL position)
      message(FATAL_ERROR "jetway_library: ${layer} must not depend on ${dep}: it does not stand above it")
    endif()
  endforeach()
  if(layer IN_LIST JETWAY_PURE_LAYERS)
    foreach(package IN LISTS packages)
      if(package MATCHES "${JETWAY_IMPURE_PACKAGES}")
        message(FATAL_ERROR "jetway_library: ${layer} is pure and must not see ${package}")
      endif()
    endforeach()
  endif()
endfunction()

# Pure layers know no threads: the thread sanitizer has nothing to find in a test of them alone.
function(jetway_has_threads out)
  set(impure ${ARGN})
  list(REMOVE_ITEM impure ${JETWAY_PURE_LAYERS} sim sim_network)
  list(LENGTH impure count)
  set(${out} ${count} PARENT_SCOPE)
endfunction()

# ---- shared by all kinds of targets ----

function(jetway_link target scope deps)
  foreach(dep IN LISTS deps)
    if(NOT TARGET jetway_${dep})
      message(FATAL_ERROR "${target} depends on ${dep}, which has no CMakeLists.txt (yet)")
    endif()
    target_link_libraries(${target} ${scope} jetway_${dep})
  endforeach()
endfunction()

function(jetway_configure_target target)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}")
  target_compile_options(${target} PRIVATE ${JETWAY_WARNINGS})
  target_link_libraries(${target} PRIVATE jetway_version)
endfunction()

# Most of the time a small source takes is the standard library's headers; of a test, GoogleTest's. They are
# compiled once per kind of target: a precompiled header fits only targets with the same options.
function(jetway_precompile_headers kind header)
  cmake_parse_arguments(PARSE_ARGV 2 ARG "LTO" "" "PACKAGES;OPTIONS")
  set(folder "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/precompiled")
  set(target jetway_precompiled_${kind})
  add_library(${target} OBJECT EXCLUDE_FROM_ALL "${folder}/empty.cc")
  jetway_configure_target(${target})
  target_compile_options(${target} PRIVATE ${ARG_OPTIONS})
  target_link_libraries(${target} PRIVATE ${ARG_PACKAGES})
  if(ARG_LTO)
    jetway_compile_for_lto(${target})
  endif()
  target_precompile_headers(${target} PRIVATE "${folder}/${header}")
endfunction()

function(jetway_use_precompiled_headers target kind)
  target_precompile_headers(${target} REUSE_FROM jetway_precompiled_${kind})
endfunction()

# Library objects hold machine code and link-time code (fat), so that only what asks for link-time
# optimization pays for it: the command does, tests do not.
function(jetway_compile_for_lto target)
  if(JETWAY_LTO)
    target_compile_options(${target} PRIVATE -flto=auto -ffat-lto-objects)
  endif()
endfunction()

function(jetway_link_with_lto target)
  if(JETWAY_LTO)
    target_link_options(${target} PRIVATE -flto=auto -O3 ${JETWAY_NO_FLOW_WARNINGS})
  endif()
endfunction()

function(jetway_link_without_lto target)
  if(JETWAY_LTO)
    target_link_options(${target} PRIVATE -fno-lto)
  endif()
endfunction()

function(jetway_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;HEADERS;DEPS;PACKAGES;PUBLIC_PACKAGES")
  set(target jetway_${name})
  if(ARG_SOURCES)
    add_library(${target} STATIC ${ARG_SOURCES} ${ARG_HEADERS})
    jetway_configure_target(${target})
    jetway_compile_for_lto(${target})
    jetway_use_precompiled_headers(${target} library)
    target_link_libraries(${target} PRIVATE ${ARG_PACKAGES})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE ${ARG_HEADERS})
    set(scope INTERFACE)
    target_link_libraries(${target} INTERFACE ${ARG_PACKAGES})
  endif()
  target_include_directories(${target} ${scope} "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${target} ${scope} ${ARG_PUBLIC_PACKAGES})
  jetway_link(${target} ${scope} "${ARG_DEPS}")
  add_library(jetway::${name} ALIAS ${target})
endfunction()

function(jetway_add_executable target folder)
  cmake_parse_arguments(PARSE_ARGV 2 ARG "" "" "SOURCES;DEPS;PACKAGES;DEFINITIONS")
  add_executable(${target} ${ARG_SOURCES})
  jetway_configure_target(${target})
  target_compile_definitions(${target} PRIVATE ${ARG_DEFINITIONS})
  target_link_libraries(${target} PRIVATE ${ARG_PACKAGES})
  jetway_link(${target} PRIVATE "${ARG_DEPS}")
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${folder}")
endfunction()

macro(jetway_require function)
  if(NOT ARG_NAME)
    message(FATAL_ERROR "${function}: NAME is missing")
  endif()
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${function}(${ARG_NAME}): unknown arguments: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
endmacro()

# ---- what the folders call ----

function(jetway_library)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SOURCES;HEADERS;DEPS;PACKAGES;PUBLIC_PACKAGES")
  jetway_require(jetway_library)
  jetway_check_layer(${ARG_NAME} "${ARG_DEPS}" "${ARG_PACKAGES};${ARG_PUBLIC_PACKAGES}")
  jetway_add_library(${ARG_NAME} SOURCES ${ARG_SOURCES} HEADERS ${ARG_HEADERS} DEPS ${ARG_DEPS}
                     PACKAGES ${ARG_PACKAGES} PUBLIC_PACKAGES ${ARG_PUBLIC_PACKAGES})
endfunction()

function(jetway_test_library)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SOURCES;HEADERS;DEPS;PACKAGES;PUBLIC_PACKAGES")
  jetway_require(jetway_test_library)
  if(ARG_NAME IN_LIST JETWAY_LAYERS)
    message(FATAL_ERROR "jetway_test_library: ${ARG_NAME} is the name of a layer")
  endif()
  jetway_add_library(${ARG_NAME} SOURCES ${ARG_SOURCES} HEADERS ${ARG_HEADERS} DEPS ${ARG_DEPS}
                     PACKAGES ${ARG_PACKAGES} PUBLIC_PACKAGES ${ARG_PUBLIC_PACKAGES})
endfunction()

function(jetway_program)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SOURCES;DEPS;PACKAGES")
  jetway_require(jetway_program)
  set(target ${ARG_NAME}_program)
  jetway_add_executable(${target} bin SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS} PACKAGES ${ARG_PACKAGES})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${ARG_NAME})
  jetway_use_precompiled_headers(${target} program)
  jetway_link_with_lto(${target})
  install(TARGETS ${target} RUNTIME DESTINATION bin)
endfunction()

# What ./dev test --pure builds: the tests of the pure layers, where everything is that reads a peer's bytes.
function(jetway_add_to_pure_tests target)
  if(NOT TARGET pure_tests)
    add_custom_target(pure_tests)
  endif()
  add_dependencies(pure_tests ${target})
endfunction()

function(jetway_test)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "WHOLE" "NAME;TIMEOUT" "SOURCES;DEPS;PACKAGES;LABELS;DEFINITIONS")
  jetway_require(jetway_test)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  if(JETWAY_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 5")
  endif()
  jetway_has_threads(has_threads ${ARG_DEPS})
  if(JETWAY_SANITIZE MATCHES "thread" AND NOT has_threads)
    return()
  endif()
  set(target test_${ARG_NAME})
  jetway_add_executable(
    ${target} tests SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS} DEFINITIONS ${ARG_DEFINITIONS}
    PACKAGES ${ARG_PACKAGES} GTest::gmock GTest::gtest_main rapidcheck::rapidcheck)
  target_compile_options(${target} PRIVATE ${JETWAY_TEST_CODE_OPTIONS})
  jetway_use_precompiled_headers(${target} test)
  jetway_link_without_lto(${target})
  set(labels ${ARG_NAME} ${ARG_LABELS})
  if(NOT has_threads)
    list(APPEND labels pure)
    jetway_add_to_pure_tests(${target})
  endif()
  if(ARG_WHOLE)
    add_test(NAME ${ARG_NAME} COMMAND ${target} --gtest_brief=1)
    set_tests_properties(${ARG_NAME} PROPERTIES LABELS "${labels}" TIMEOUT ${ARG_TIMEOUT})
    return()
  endif()
  include(GoogleTest)
  gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 TEST_PREFIX "${ARG_NAME}."
                       TEST_LIST ${target}_cases PROPERTIES TIMEOUT ${ARG_TIMEOUT})
  # gtest_discover_tests of CMake 3.25 keeps only the first of several labels.
  set(labels_file "${CMAKE_CURRENT_BINARY_DIR}/${target}_labels.cmake")
  file(CONFIGURE OUTPUT "${labels_file}" @ONLY CONTENT [[
if(@target@_cases)
  set_tests_properties(${@target@_cases} PROPERTIES LABELS "@labels@")
endif()
]])
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${labels_file}")
endfunction()

function(jetway_bench)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "LTO" "NAME" "SOURCES;DEPS;PACKAGES")
  jetway_require(jetway_bench)
  set(target bench_${ARG_NAME})
  jetway_add_executable(${target} bench SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS}
                        PACKAGES ${ARG_PACKAGES} benchmark::benchmark_main)
  if(ARG_LTO)
    jetway_compile_for_lto(${target})
    jetway_link_with_lto(${target})
  else()
    jetway_use_precompiled_headers(${target} program)
    jetway_link_without_lto(${target})
  endif()
  add_test(NAME ${target} COMMAND ${target} --benchmark_min_time=1x)
  set_tests_properties(${target} PROPERTIES LABELS bench-smoke TIMEOUT 120)
endfunction()

function(jetway_fuzz)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME;CORPUS" "SOURCES;DEPS;PACKAGES")
  jetway_require(jetway_fuzz)
  if(NOT ARG_CORPUS)
    set(ARG_CORPUS corpus/${ARG_NAME})
  endif()
  cmake_path(ABSOLUTE_PATH ARG_CORPUS BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
  set(target fuzz_${ARG_NAME})
  if(NOT JETWAY_FUZZ)
    list(APPEND ARG_SOURCES "${PROJECT_SOURCE_DIR}/tools/fuzz/replay_main.cc")
  endif()
  jetway_add_executable(${target} fuzz SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS} PACKAGES ${ARG_PACKAGES})
  if(JETWAY_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers ${target})
    set_property(GLOBAL APPEND_STRING PROPERTY JETWAY_FUZZ_LIST "${ARG_NAME} ${ARG_CORPUS}\n")
    get_property(list GLOBAL PROPERTY JETWAY_FUZZ_LIST)
    file(WRITE "${PROJECT_BINARY_DIR}/fuzz/targets.txt" "${list}")
    return()
  endif()
  jetway_use_precompiled_headers(${target} program)
  jetway_link_without_lto(${target})
  add_test(NAME ${target} COMMAND ${target} "${ARG_CORPUS}")
  set_tests_properties(${target} PROPERTIES LABELS fuzz-replay TIMEOUT 120)
endfunction()

function(jetway_example)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SOURCES;DEPS;PACKAGES;ARGS")
  jetway_require(jetway_example)
  if(NOT ARG_DEPS)
    set(ARG_DEPS all)
  endif()
  set(target example_${ARG_NAME})
  jetway_add_executable(${target} examples SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS} PACKAGES ${ARG_PACKAGES})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${ARG_NAME})
  jetway_use_precompiled_headers(${target} program)
  jetway_link_without_lto(${target})
  add_test(NAME ${target} COMMAND ${target} ${ARG_ARGS})
  set_tests_properties(${target} PROPERTIES LABELS example TIMEOUT 60)
endfunction()
