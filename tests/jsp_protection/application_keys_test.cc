#include "jetway/jsp/protection/application_keys.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "tests/jsp_protection/packets.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;
using crypto::Suite;
using test::id_of;

constexpr Duration kProbeTimeout = 100ms;
constexpr TimePoint kStart{1h};

crypto::SecretBytes secret_named(std::string_view name) {
  return crypto::SecretBytes::copy_of(as_bytes(name));
}

// One end with what a connection would keep: packet numbers for each path.
struct End {
  End(std::string_view send, std::string_view receive, const KeyUpdateConfig& config,
      const ProtectionLimits& limits)
      : keys(Suite::Aes256Gcm, secret_named(send), secret_named(receive), config, limits) {}

  struct Sent {
    Bytes bytes;
    PacketNumber number;
    std::uint64_t record;
  };

  Sent seal(ByteView text = as_bytes("frames"), PathId path = 0) {
    const PacketNumber number = next_number[path]++;
    const ShortHeader header{
        .destination = id_of("receiver"), .number = number, .number_bytes = 2, .key_phase = keys.key_phase()};
    Bytes packet(short_header_bytes(8, 2) + text.size() + kTagBytes);
    const std::array parts = {text};
    const std::uint64_t name = record++;
    keys.seal({path, number, name}, encode_header(packet, header), parts, packet);
    return {packet, number, name};
  }

  Opened open(TimePoint now, Bytes& packet, PathId path = 0) {
    PathOpenState& state = paths[path];
    state.path = path;
    const auto header = decode_packet_header(packet, 8);
    EXPECT_TRUE(header.has_value());
    return keys.open(now, kProbeTimeout, state, *header, packet);
  }

  ApplicationKeys keys;
  std::map<PathId, PacketNumber> next_number;
  std::map<PathId, PathOpenState> paths;
  std::uint64_t record = 0;
};

struct Pair {
  explicit Pair(const KeyUpdateConfig& config = {},
                const ProtectionLimits& limits = ProtectionLimits::of(Suite::Aes256Gcm))
      : dialer("dialer", "listener", config, limits), listener("listener", "dialer", config, limits) {}

  // Whether it arrives; it is acknowledged when `acked` says so.
  bool pass(End& from, End& to, PathId path = 0, bool is_acked = false) {
    End::Sent sent = from.seal(as_bytes("frames"), path);
    const Opened opened = to.open(now, sent.bytes, path);
    if (opened && is_acked) from.keys.on_packet_acked(now, kProbeTimeout, sent.record);
    return opened.has_value();
  }

  // An update of the dialer, to its end.
  void update() {
    dialer.keys.begin_update();
    EXPECT_TRUE(pass(dialer, listener));
    EXPECT_TRUE(pass(listener, dialer, 0, true));
    EXPECT_TRUE(pass(dialer, listener, 0, true));
    pass_time(3 * kProbeTimeout);
    EXPECT_EQ(dialer.keys.update_state(), KeyUpdateState::Settled);
    EXPECT_EQ(listener.keys.update_state(), KeyUpdateState::Settled);
  }

  void pass_time(Duration time) {
    now += time;
    dialer.keys.handle_timeout(now);
    listener.keys.handle_timeout(now);
  }

  TimePoint now = kStart;
  End dialer;
  End listener;
};

TEST(KeyUpdateStateTest, TheTableIsThatOfTheDocument) {
  using enum KeyUpdateState;
  using enum KeyUpdateEvent;
  const std::map<std::pair<KeyUpdateState, KeyUpdateEvent>, KeyUpdateState> table = {
      {{Settled, Begun}, Unconfirmed},        {{Settled, Followed}, Unconfirmed},
      {{Unconfirmed, Followed}, Unconfirmed}, {{Unconfirmed, Acked}, Confirmed},
      {{Confirmed, Followed}, Unconfirmed},   {{Confirmed, Waited}, Settled},
  };
  for (const KeyUpdateState state : {Settled, Unconfirmed, Confirmed}) {
    for (const KeyUpdateEvent event : {Begun, Followed, Acked, Waited}) {
      const auto arrow = table.find({state, event});
      const auto to = next(state, event);
      EXPECT_EQ(to, arrow == table.end() ? std::nullopt : std::optional(arrow->second));
    }
  }
}

TEST(ApplicationKeysTest, BothDirectionsAndAllPathsWork) {
  Pair pair;
  for (const PathId path : {PathId{0}, PathId{1}, PathId{0xffff'ffff}}) {
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(pair.pass(pair.dialer, pair.listener, path));
      EXPECT_TRUE(pair.pass(pair.listener, pair.dialer, path));
    }
  }
}

TEST(ApplicationKeysTest, APacketIsOfItsPathAlone) {
  Pair pair;
  End::Sent sent = pair.dialer.seal(as_bytes("frames"), 1);
  EXPECT_EQ(pair.listener.open(pair.now, sent.bytes, 2).error(), OpenErrc::Undecryptable);
}

TEST(ApplicationKeysTest, HeadersProtectedAsABatchAreTheSame) {
  Pair one;
  Pair batch;
  std::vector<Bytes> packets;
  std::vector<SealedPacket> sealed;
  const Bytes text(200, std::byte{7});
  for (PacketNumber number = 0; number < crypto::kMaskBatchMax; ++number) {
    const std::array parts = {ByteView{text}.first(50), ByteView{text}.subspan(50)};
    Bytes& packet = packets.emplace_back(short_header_bytes(8, 2) + text.size() + kTagBytes);
    const HeaderLayout layout = encode_header(
        packet, ShortHeader{.destination = id_of("receiver"), .number = number, .number_bytes = 2});
    batch.dialer.keys.seal_payload({0, number, number}, layout, parts, packet);
    sealed.push_back({packet, layout.number_offset, layout.number_bytes});
  }
  batch.dialer.keys.protect_headers({});
  batch.dialer.keys.protect_headers(sealed);
  for (const Bytes& packet : packets) EXPECT_EQ(packet, one.dialer.seal(text).bytes);
}

TEST(ApplicationKeysTest, EveryFlippedBitIsRefusedAndCounted) {
  Pair pair;
  const End::Sent sent = pair.dialer.seal(as_bytes("frames of a packet"));
  std::uint64_t refused = 0;
  // Another protocol's or a long header is not for these keys.
  for (std::size_t bit = 0; bit < sent.bytes.size() * 8; ++bit) {
    if (bit >= 5 && bit < 8) continue;
    Bytes changed = sent.bytes;
    changed[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_EQ(pair.listener.open(pair.now, changed).error(), OpenErrc::Undecryptable) << bit;
    EXPECT_EQ(pair.listener.keys.failed_opens(), ++refused);
  }
  Bytes whole = sent.bytes;
  EXPECT_TRUE(pair.listener.open(pair.now, whole).has_value());
}

TEST(ApplicationKeysTest, ReservedBitsAreTheSendersFault) {
  Pair pair;
  Bytes packet(short_header_bytes(8, 1) + 10 + kTagBytes);
  const HeaderLayout layout =
      encode_header(packet, ShortHeader{.destination = id_of("receiver"), .number_bytes = 1});
  packet[0] |= std::byte{0b0000'1000};
  const Bytes text(10);
  const std::array parts = {ByteView{text}};
  pair.dialer.keys.seal({}, layout, parts, packet);
  EXPECT_EQ(pair.listener.open(pair.now, packet).error(), OpenErrc::ReservedBits);
}

TEST(KeyUpdateTest, TheOtherEndFollows) {
  Pair pair;
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener));
  EXPECT_FALSE(pair.dialer.keys.key_phase());
  pair.dialer.keys.begin_update();
  EXPECT_TRUE(pair.dialer.keys.key_phase());
  EXPECT_FALSE(pair.listener.keys.key_phase());
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener));
  EXPECT_TRUE(pair.listener.keys.key_phase());
  EXPECT_TRUE(pair.pass(pair.listener, pair.dialer));
  EXPECT_EQ(pair.dialer.keys.receive_phase(), 1u);
}

TEST(KeyUpdateTest, ManyInARowWork) {
  Pair pair;
  for (std::uint64_t phase = 1; phase <= 10; ++phase) {
    pair.update();
    EXPECT_EQ(pair.dialer.keys.send_phase(), phase);
    EXPECT_EQ(pair.listener.keys.send_phase(), phase);
  }
}

TEST(KeyUpdateTest, BothEndsMayBeginAtOnce) {
  Pair pair;
  pair.dialer.keys.begin_update();
  pair.listener.keys.begin_update();
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener, 0, true));
  EXPECT_TRUE(pair.pass(pair.listener, pair.dialer, 0, true));
  EXPECT_EQ(pair.dialer.keys.send_phase(), 1u);
  EXPECT_EQ(pair.listener.keys.send_phase(), 1u);
}

TEST(KeyUpdateTest, LatePacketsOfThePhaseBeforeOpenForThreeProbeTimeouts) {
  Pair pair;
  End::Sent late = pair.dialer.seal();
  End::Sent too_late = pair.dialer.seal();
  pair.dialer.keys.begin_update();
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener));
  EXPECT_EQ(pair.listener.keys.next_timeout(), pair.now + 3 * kProbeTimeout);
  pair.pass_time(3 * kProbeTimeout - 1ns);
  EXPECT_TRUE(pair.listener.open(pair.now, late.bytes).has_value());
  pair.pass_time(1ns);
  EXPECT_EQ(pair.listener.keys.next_timeout(), std::nullopt);
  EXPECT_FALSE(pair.listener.open(pair.now, too_late.bytes).has_value());
}

TEST(KeyUpdateTest, LatePacketsOpenOnAPathThatHasNotSeenTheNewPhase) {
  Pair pair;
  End::Sent late = pair.dialer.seal(as_bytes("frames"), 1);
  pair.dialer.keys.begin_update();
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener, 0));
  EXPECT_TRUE(pair.listener.open(pair.now, late.bytes, 1).has_value());
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener, 1));
}

TEST(KeyUpdateTest, NoSecondOneBeforeTheFirstIsAcknowledgedAndOldKeysAreGone) {
  Pair pair({.packets_max = 2});
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener));
  EXPECT_FALSE(pair.dialer.keys.wants_update());
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener));
  EXPECT_TRUE(pair.dialer.keys.wants_update());

  pair.dialer.keys.begin_update();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(pair.pass(pair.dialer, pair.listener));
  EXPECT_FALSE(pair.dialer.keys.wants_update()) << "not acknowledged";
  EXPECT_TRUE(pair.pass(pair.listener, pair.dialer));
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener, 0, true));
  EXPECT_EQ(pair.dialer.keys.update_state(), KeyUpdateState::Confirmed);
  EXPECT_FALSE(pair.dialer.keys.wants_update()) << "old packets may still come";
  pair.pass_time(3 * kProbeTimeout);
  EXPECT_TRUE(pair.dialer.keys.wants_update());
}

TEST(KeyUpdateTest, AnAcknowledgementOfWhatWasSealedBeforeConfirmsNothing) {
  Pair pair;
  const End::Sent before = pair.dialer.seal();
  pair.dialer.keys.begin_update();
  pair.dialer.keys.on_packet_acked(pair.now, kProbeTimeout, before.record);
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener));
  EXPECT_TRUE(pair.pass(pair.listener, pair.dialer));
  pair.dialer.keys.on_packet_acked(pair.now, kProbeTimeout, before.record);
  EXPECT_EQ(pair.dialer.keys.update_state(), KeyUpdateState::Unconfirmed);
}

TEST(KeyUpdateTest, AfterManyBytesItIsTimeToo) {
  Pair pair({.bytes_max = 100});
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener));
  EXPECT_FALSE(pair.dialer.keys.wants_update());
  while (!pair.dialer.keys.wants_update()) {
    ASSERT_LT(pair.dialer.keys.sealed_packets(), 4u);
    EXPECT_TRUE(pair.pass(pair.dialer, pair.listener));
  }
}

// RFC 9001 section 6.2: it did not wait for our confirmation.
TEST(KeyUpdateTest, APeerThatUpdatesTwiceWithoutWaitingIsAtFault) {
  Pair pair;
  pair.dialer.keys.begin_update();
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener));
  ASSERT_EQ(pair.listener.keys.sealed_packets(), 0u) << "nothing confirmed yet";

  // A dialer of phase 2 that never heard of the listener.
  Pair rogue;
  rogue.update();
  rogue.dialer.keys.begin_update();
  rogue.dialer.next_number[0] = 100;
  End::Sent sent = rogue.dialer.seal();
  pair.pass_time(3 * kProbeTimeout);
  EXPECT_EQ(pair.listener.open(pair.now, sent.bytes).error(), OpenErrc::KeyUpdate);
}

TEST(KeyUpdateTest, AForgedPhaseBitChangesNothing) {
  Pair pair;
  End::Sent sent = pair.dialer.seal();
  sent.bytes[0] ^= std::byte{0b100};
  EXPECT_EQ(pair.listener.open(pair.now, sent.bytes).error(), OpenErrc::Undecryptable);
  EXPECT_EQ(pair.listener.keys.receive_phase(), 0u);
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener));
}

TEST(KeyUpdateTest, MemoryIsGivenBackAndNothingIsLost) {
  Pair pair;
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener));
  pair.update();
  pair.dialer.keys.release_memory();
  pair.listener.keys.release_memory();
  EXPECT_TRUE(pair.pass(pair.dialer, pair.listener));
  EXPECT_TRUE(pair.pass(pair.listener, pair.dialer));
  pair.listener.keys.release_memory();
  pair.update();
}

TEST(ProtectionLimitsTest, AKeySealsNoMoreThanItMay) {
  // Each packet: one block of header, two of payload and tag.
  Pair pair({}, {.sealed_blocks_max = 9, .failed_opens_max = 100});
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(pair.dialer.keys.is_exhausted());
    EXPECT_TRUE(pair.pass(pair.dialer, pair.listener, static_cast<PathId>(i)));
  }
  EXPECT_TRUE(pair.dialer.keys.is_exhausted());
  pair.dialer.keys.begin_update();
  EXPECT_FALSE(pair.dialer.keys.is_exhausted());
}

TEST(ProtectionLimitsTest, TooManyForgeriesEndTheConnectionOverAllPathsAndPhases) {
  Pair pair({}, {.sealed_blocks_max = 1000, .failed_opens_max = 3});
  const auto forge = [&](PathId path) {
    End::Sent sent = pair.dialer.seal(as_bytes("frames"), path);
    sent.bytes.back() ^= std::byte{1};
    return pair.listener.open(pair.now, sent.bytes, path).error();
  };
  EXPECT_EQ(forge(0), OpenErrc::Undecryptable);
  EXPECT_EQ(forge(1), OpenErrc::Undecryptable);
  pair.update();
  EXPECT_EQ(forge(0), OpenErrc::Undecryptable);
  EXPECT_EQ(forge(0), OpenErrc::CryptoLimit);
  End::Sent good = pair.dialer.seal();
  EXPECT_EQ(pair.listener.open(pair.now, good.bytes).error(), OpenErrc::CryptoLimit);
}

TEST(ProtectionLimitsTest, AreThoseOfRfc9001Section66) {
  EXPECT_EQ(ProtectionLimits::of(Suite::Aes256Gcm).failed_opens_max, std::uint64_t{1} << 52);
  EXPECT_EQ(ProtectionLimits::of(Suite::ChaCha20Poly1305).failed_opens_max, std::uint64_t{1} << 36);
  // 2^23 packets of 64 KiB, 2^28 of 2 KiB.
  EXPECT_EQ(ProtectionLimits::of(Suite::Aes256Gcm).sealed_blocks_max, std::uint64_t{1} << 35);
}

// Goal: under no key is a nonce used twice, whatever paths and phases do.
// Method: two ends on random paths with random updates and losses; every packet seals the same zeros, so that
// a repeated nonce under one key would show the same key stream, and another nonce or key does not.
TEST(NoncePropertyTest, NoNonceRepeatsOverPathsAndPhases) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SeededRandom random(seed);
    Pair pair({.packets_max = 5});
    std::set<std::pair<std::uint64_t, Bytes>> streams;
    const Bytes zeros(32);
    for (int step = 0; step < 2000; ++step) {
      const bool from_dialer = random.below(2) == 0;
      End& from = from_dialer ? pair.dialer : pair.listener;
      End& to = from_dialer ? pair.listener : pair.dialer;
      if (from.keys.wants_update()) from.keys.begin_update();
      const auto path = static_cast<PathId>(random.below(4) * 0x4000'0001);
      End::Sent sent = from.seal(zeros, path);
      const Bytes stream(sent.bytes.begin() + 11, sent.bytes.begin() + 11 + 32);
      ASSERT_TRUE(streams.emplace(from_dialer ? 1 : 0, stream).second) << "seed " << seed << " step " << step;
      if (random.below(4) == 0) continue;
      ASSERT_TRUE(to.open(pair.now, sent.bytes, path).has_value()) << "seed " << seed << " step " << step;
      if (random.below(3) == 0) from.keys.on_packet_acked(pair.now, kProbeTimeout, sent.record);
      if (random.below(8) == 0) pair.pass_time(kProbeTimeout);
    }
    EXPECT_GT(pair.dialer.keys.send_phase(), 20u) << "keys did change";
  }
}

}  // namespace
}  // namespace jetway::jsp
