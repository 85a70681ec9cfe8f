# Target jetway::version: "jetway/version.h", written at configure time. A commit alone rebuilds nothing;
# when the description has changed at the next configure, only the files that include it are compiled.

find_package(Git QUIET)
set(JETWAY_GIT_DESCRIPTION "")
if(Git_FOUND)
  execute_process(
    COMMAND "${GIT_EXECUTABLE}" describe --tags --always
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    OUTPUT_VARIABLE JETWAY_GIT_DESCRIPTION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(JETWAY_GIT_DESCRIPTION STREQUAL "")
  set(JETWAY_GIT_DESCRIPTION "unknown")
endif()

set(JETWAY_BUILD_KIND "${CMAKE_BUILD_TYPE}")
if(JETWAY_LTO)
  string(APPEND JETWAY_BUILD_KIND "+lto")
endif()
if(JETWAY_SANITIZE)
  string(APPEND JETWAY_BUILD_KIND "+${JETWAY_SANITIZE}")
endif()

configure_file("${CMAKE_CURRENT_LIST_DIR}/version.h.in" "${CMAKE_BINARY_DIR}/generated/jetway/version.h" @ONLY)
add_library(jetway_version INTERFACE)
target_include_directories(jetway_version INTERFACE "${CMAKE_BINARY_DIR}/generated")
add_library(jetway::version ALIAS jetway_version)
