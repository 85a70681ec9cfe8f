# The libraries Jetway stands on, found once. Targets for PACKAGES and PUBLIC_PACKAGES:
#
#   OpenSSL::Crypto  OpenSSL::SSL       primitives, TLS (>= 3.5)
#   sodium::sodium                      XChaCha20-Poly1305, ristretto255
#   BLAKE3::blake3                      hashing
#   zstd::zstd  lz4::lz4                compression
#   tinycbor::tinycbor                  CBOR (headers are <tinycbor/cbor.h>)
#   ISAL::isal                          Reed-Solomon (headers are <isa-l/erasure_code.h>)
#   IPSecMB::IPSecMB                    AEAD at packet size on x86-64; where there is none JETWAY_HAS_IPSEC_MB
#                                       is false and the target does not exist
#   SQLite::SQLite3  SQLiteCpp::SQLiteCpp   database, and its C++ face
#   Boost::headers  Boost::json         header-only Boost, compiled Boost.JSON       (not in engines)
#   Boost::asio                         Boost.Asio, compiled once (cmake/asio.cc)     (not in engines)
#   Boost::asio_ssl                     the same with boost/asio/ssl                  (not in engines)
#   spdlog::spdlog                      logs                                          (not in engines)
#   CLI11::CLI11  tomlplusplus::tomlplusplus   command line, TOML                    (not in engines)
#   GTest::gtest_main  GTest::gmock_main  rapidcheck::rapidcheck  benchmark::benchmark_main
#                                       tests and benchmarks, linked by jetway_test and jetway_bench
#
# Include directories of all of them are SYSTEM: their warnings are not ours.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

find_package(OpenSSL 3.5 REQUIRED)
find_package(blake3 1.8 REQUIRED CONFIG)                 # BLAKE3::blake3
find_package(SQLite3 3.46 REQUIRED)                      # SQLite::SQLite3
find_package(SQLiteCpp 3.3 REQUIRED CONFIG)
find_package(Boost 1.88 REQUIRED CONFIG COMPONENTS headers json)
find_package(spdlog 1.15 REQUIRED CONFIG)
find_package(CLI11 2.4 REQUIRED CONFIG)
find_package(tomlplusplus 3.4 REQUIRED CONFIG)

# jetway_pkg_config(<name> <pkg-config name and version>): target <name>::<name>
function(jetway_pkg_config name module)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL "${module}")
  add_library(${name}::${name} ALIAS PkgConfig::${name})
endfunction()
jetway_pkg_config(zstd "libzstd>=1.5.7")
jetway_pkg_config(lz4 "liblz4>=1.10")
jetway_pkg_config(sodium "libsodium>=1.0.18")

jetway_pkg_config(isal "libisal>=2.31")
add_library(ISAL::isal ALIAS PkgConfig::isal)

find_library(IPSEC_MB_LIBRARY NAMES IPSec_MB)             # no pkg-config file in Debian 13
find_path(IPSEC_MB_INCLUDE_DIR NAMES intel-ipsec-mb.h)
mark_as_advanced(IPSEC_MB_LIBRARY IPSEC_MB_INCLUDE_DIR)
if(IPSEC_MB_LIBRARY AND IPSEC_MB_INCLUDE_DIR)
  set(JETWAY_HAS_IPSEC_MB TRUE)
  add_library(IPSecMB::IPSecMB UNKNOWN IMPORTED)
  set_target_properties(IPSecMB::IPSecMB PROPERTIES IMPORTED_LOCATION "${IPSEC_MB_LIBRARY}"
                        INTERFACE_INCLUDE_DIRECTORIES "${IPSEC_MB_INCLUDE_DIR}")
else()
  set(JETWAY_HAS_IPSEC_MB FALSE)
endif()

find_library(TINYCBOR_LIBRARY NAMES tinycbor REQUIRED)   # Debian's tinycbor.pc points at /usr/local
find_path(TINYCBOR_INCLUDE_DIR NAMES tinycbor/cbor.h REQUIRED)
mark_as_advanced(TINYCBOR_LIBRARY TINYCBOR_INCLUDE_DIR)
add_library(tinycbor::tinycbor UNKNOWN IMPORTED)
set_target_properties(tinycbor::tinycbor PROPERTIES IMPORTED_LOCATION "${TINYCBOR_LIBRARY}"
                      INTERFACE_INCLUDE_DIRECTORIES "${TINYCBOR_INCLUDE_DIR}")

if(TARGET SQLiteCpp AND NOT TARGET SQLiteCpp::SQLiteCpp)
  add_library(SQLiteCpp::SQLiteCpp ALIAS SQLiteCpp)
endif()

# Asio's non-template half is compiled once instead of in every file that includes it.
add_library(jetway_asio STATIC EXCLUDE_FROM_ALL "${CMAKE_CURRENT_LIST_DIR}/asio.cc")
target_compile_definitions(jetway_asio PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(jetway_asio PUBLIC Boost::headers Threads::Threads)
add_library(Boost::asio ALIAS jetway_asio)

add_library(jetway_asio_ssl STATIC EXCLUDE_FROM_ALL "${CMAKE_CURRENT_LIST_DIR}/asio_ssl.cc")
target_link_libraries(jetway_asio_ssl PUBLIC jetway_asio OpenSSL::SSL OpenSSL::Crypto)
add_library(Boost::asio_ssl ALIAS jetway_asio_ssl)

if(JETWAY_BUILD_TESTS)
  find_package(GTest 1.15 REQUIRED CONFIG)
  find_package(rapidcheck REQUIRED CONFIG)
  if(NOT TARGET rapidcheck::rapidcheck)
    add_library(rapidcheck::rapidcheck ALIAS rapidcheck)
  endif()
endif()
if(JETWAY_BUILD_BENCH)
  find_package(benchmark 1.9 REQUIRED CONFIG)
endif()
