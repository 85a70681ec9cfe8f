# shellcheck shell=bash disable=SC2034  # sourced by ./dev; setup.sh reads the lists by name
#
# What Jetway is built with. An entry is NAME or NAME=MINIMUM_VERSION; the minimum is given where
# Debian 12 has a package of the same name that is too old. A list's name says where it comes from:
#
#   *_OWN        the machine's own release, whichever it is (never moved to another release: cmake and
#              python3 of Debian 13 would drag half of a Debian 12 system along)
#   *_TRIXIE     Debian 13 (on Debian 12: the low-priority side source)
#   *_BACKPORTS  Debian 13's backports, pinned so that these packages alone may come from it
#   *_FORKY      Debian 14, pinned so that these packages alone may come from it

BUILD_OWN=(cmake ninja-build pkg-config python3 git ca-certificates)
BUILD_TRIXIE=(
  g++-14 ccache mold
  libssl-dev=3.5
  libboost1.88-dev libboost-json1.88-dev
  libcli11-dev=2.4 libtomlplusplus-dev=3.4 libspdlog-dev=1:1.15
  libsqlite3-dev=3.46 libsqlitecpp-dev=3.3
  libzstd-dev=1.5.7 liblz4-dev=1.10 libsodium-dev
  libtinycbor-dev libisal-dev
  libgtest-dev=1.16 libgmock-dev=1.16 libbenchmark-dev=1.9 librapidcheck-dev
)
# A second AEAD back end, for x86-64 only; the build does without it elsewhere.
if [ "$(uname -m)" = x86_64 ]; then BUILD_TRIXIE+=(libipsec-mb-dev=2.0); fi
BUILD_FORKY=(libblake3-dev=1.8 libblake3-0=1.8)

LINT_TRIXIE=(clang-tidy-19 clang-format-19)
FUZZ_TRIXIE=(clang-19 libclang-rt-19-dev)

# openssh-server has to be as new as openssh-client, which moves with libssl.
BENCH_OWN=(rsync nginx-light curl)
BENCH_TRIXIE=(openssl openssh-client openssh-server)
# The peer of `bench jsp` that speaks QUIC; the benchmark does without it where it cannot be had.
NGTCP2_BACKPORTS=(
  libngtcp2-dev=1.17 libngtcp2-crypto-ossl-dev=1.17
  libngtcp2-16=1.17 libngtcp2-crypto-ossl0=1.17
)

LAB_OWN=(iproute2 nftables ethtool iperf3 procps)
