#include "jetway/jsp/protection/packet_protection.h"

#include <array>
#include <optional>
#include <string_view>

#include <gtest/gtest.h>

#include "jetway/jsp/protection/header_protection.h"
#include "tests/jsp_protection/packets.h"

namespace jetway::jsp {
namespace {

using crypto::Suite;
using test::bytes_of;
using test::client_random;
using test::dialer_initial;
using test::id_of;

constexpr std::array kSuites = {Suite::Aes256Gcm, Suite::ChaCha20Poly1305, Suite::XChaCha20Poly1305};

crypto::SecretBytes traffic_secret() { return crypto::SecretBytes::copy_of(as_bytes("a traffic secret")); }

Bytes sealed_initial(Sealer& sealer, PacketNumber number, ByteView text, std::size_t number_bytes = 1) {
  LongHeader header = dialer_initial();
  header.number = number;
  header.number_bytes = number_bytes;
  Bytes packet(long_header_bytes(header) + text.size() + kTagBytes);
  const std::array parts = {text};
  const std::size_t size = sealer.seal(number, encode_header(packet, header), parts, packet);
  EXPECT_EQ(size, packet.size());
  return packet;
}

Opened open_whole(Opener& opener, MutableBytes packet, std::optional<PacketNumber> largest = std::nullopt) {
  const auto header = decode_packet_header(packet, 8);
  EXPECT_TRUE(header.has_value());
  return opener.open(*header, packet.first(header->packet_bytes), largest);
}

TEST(PacketProtectionTest, OpensWhatWasSealedByEverySuiteWithNumbersOfEveryLength) {
  for (const Suite suite : kSuites) {
    Sealer sealer(suite, traffic_secret());
    Opener opener(suite, traffic_secret());
    const Bytes text(100, std::byte{0x42});
    for (std::size_t bytes = 1; bytes <= 4; ++bytes) {
      const PacketNumber number = (PacketNumber{1} << (8 * bytes - 2)) + 5;
      Bytes packet = sealed_initial(sealer, number, text, bytes);
      const Opened opened = open_whole(opener, packet, number - 1);
      ASSERT_TRUE(opened.has_value());
      EXPECT_EQ(opened->number, number);
      EXPECT_TRUE(equal_bytes(opened->payload, text));
    }
  }
}

TEST(PacketProtectionTest, TheSmallestPayloadStillGivesASample) {
  Sealer sealer(Suite::Aes256Gcm, traffic_secret());
  Opener opener(Suite::Aes256Gcm, traffic_secret());
  for (std::size_t bytes = 1; bytes <= 4; ++bytes) {
    const Bytes text(min_payload_bytes(bytes));
    Bytes packet = sealed_initial(sealer, 1, text, bytes);
    EXPECT_TRUE(open_whole(opener, packet).has_value()) << bytes;
  }
}

TEST(PacketProtectionTest, EveryFlippedBitIsRefused) {
  Sealer sealer(Suite::Aes256Gcm, traffic_secret());
  const Bytes packet = sealed_initial(sealer, 3, as_bytes("some frames"));
  for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
    Bytes changed = packet;
    changed[bit / 8] ^= std::byte{1} << (bit % 8);
    const auto header = decode_packet_header(changed, 8);
    if (!header || !header->is_sealed() || header->packet_bytes != changed.size()) continue;
    Opener opener(Suite::Aes256Gcm, traffic_secret());
    const Opened opened = opener.open(*header, changed, std::nullopt);
    ASSERT_FALSE(opened.has_value()) << "bit " << bit;
    EXPECT_EQ(opened.error(), OpenErrc::Undecryptable);
  }
}

// The header that was protected is part of what is sealed.
TEST(PacketProtectionTest, NothingOfThePacketNumberIsReadable) {
  Sealer sealer(Suite::Aes256Gcm, traffic_secret());
  const Bytes text(1000);
  const Bytes first = sealed_initial(sealer, 1, text, 4);
  const Bytes second = sealed_initial(sealer, 2, text, 4);
  const auto header = decode_packet_header(first, 8);
  ASSERT_TRUE(header.has_value());
  EXPECT_NE(to_bytes(ByteView{first}.subspan(header->number_offset, 3)),
            to_bytes(ByteView{second}.subspan(header->number_offset, 3)));
}

TEST(InitialSecretsTest, DependOnTheRandomAndOnTheFirstDestination) {
  const PacketSecrets secrets = derive_initial_secrets(client_random(), id_of("listener"));
  EXPECT_NE(secrets.dialer, secrets.listener);
  const PacketSecrets again = derive_initial_secrets(client_random(), id_of("listener"));
  EXPECT_EQ(secrets.dialer, again.dialer);
  EXPECT_EQ(secrets.listener, again.listener);
  EXPECT_NE(secrets.dialer, derive_initial_secrets(client_random(), id_of("another")).dialer);
  const Bytes other_random(32);
  EXPECT_NE(secrets.dialer, derive_initial_secrets(other_random, id_of("listener")).dialer);
}

TEST(InitialSecretsTest, WhoeverSawTheFirstInitialOpensIt) {
  const PacketSecrets dialer = derive_initial_secrets(client_random(), id_of("listener"));
  Sealer sealer(Suite::Aes256Gcm, dialer.dialer);
  Bytes packet = sealed_initial(sealer, 0, as_bytes("the beginning of an Init"));
  const auto header = decode_packet_header(packet, 8);
  ASSERT_TRUE(header.has_value());
  const PacketSecrets listener = derive_initial_secrets(header->client_random, header->destination);
  Opener opener(Suite::Aes256Gcm, listener.dialer);
  EXPECT_TRUE(opener.open(*header, packet, std::nullopt).has_value());
}

// RFC 9001 appendix A.5, down to the first byte: its protected bits are ours.
TEST(PacketProtectionKnownAnswerTest, AShortHeaderPacketIsThatOfRfc9001AppendixA5) {
  const Bytes key = bytes_of("c6d98ff3441c3fe1b2182094f69caa2ed4b716b65488960a7a984979fb23e1c8");
  const Bytes iv = bytes_of("e0459b3474bdd0e44a41c144");
  const Bytes header_key = bytes_of("25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4");
  constexpr PacketNumber kNumber = 654'360'564;
  const HeaderLayout layout{.header_bytes = 4, .length_offset = 0, .number_offset = 1, .number_bytes = 3};
  crypto::PacketKeys keys(Suite::ChaCha20Poly1305, key, iv);
  crypto::HeaderMasker masker(Suite::ChaCha20Poly1305, header_key);

  Bytes packet = bytes_of("4200bff4");
  packet.resize(packet.size() + 1 + kTagBytes);
  const Bytes text = bytes_of("01");
  const std::array parts = {ByteView{text}};
  EXPECT_EQ(seal_behind_header(keys, kNumber, layout, parts, packet), packet.size());
  const crypto::HeaderMask mask = masker.mask(header_sample(packet, layout.number_offset));
  EXPECT_EQ(to_bytes(ByteView{mask}), bytes_of("aefefe7d03"));
  protect_header(mask, packet, layout.number_offset, layout.number_bytes);
  EXPECT_EQ(packet, bytes_of("4cfe4189655e5cd55c41f69080575d7999c25a5bfb"));

  const UnprotectedHeader clear = unprotect_header(mask, packet, layout.number_offset);
  EXPECT_EQ(clear.first_byte, 0x42);
  EXPECT_EQ(clear.number_bytes, 3u);
  EXPECT_EQ(expand_packet_number(clear.truncated_number, 3, kNumber - 1), kNumber);
}

}  // namespace
}  // namespace jetway::jsp
