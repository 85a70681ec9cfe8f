#include "jetway/jsp/protection/retry.h"

#include <array>
#include <chrono>
#include <optional>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "tests/jsp_protection/packets.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;
using test::client_random;
using test::dialer_initial;
using test::id_of;

constexpr TimePoint kIssued{1h};
const IpEndpoint kPeer = IpEndpoint::v4({192, 0, 2, 7}, 4717);

// What a listener's endpoint and a dialer do with a Retry.
struct Exchange {
  Exchange() {
    const LongHeader first = dialer_initial();
    Bytes packet(512);
    const HeaderLayout layout = encode_header(packet, first);
    set_packet_length(packet, layout, 100);
    packet.resize(layout.header_bytes + 100);
    initial_packet = packet;
    initial = *decode_packet_header(initial_packet, 8);
    retry_packet.resize(kRetryPacketMaxBytes);
    retry_packet.resize(tokens.make_retry(kIssued, initial, kPeer, id_of("given"), retry_packet));
    retry = *decode_packet_header(retry_packet, 8);
  }

  // The Initial that answers the Retry.
  PacketHeader answer() const {
    PacketHeader header = initial;
    header.destination = retry.source;
    header.token = retry.token;
    return header;
  }

  SeededRandom random{9};
  RetryTokens tokens{random};
  Bytes initial_packet;
  Bytes retry_packet;
  PacketHeader initial;
  PacketHeader retry;
};

TEST(RetryTest, GoesToTheDialerAndIsSmall) {
  const Exchange exchange;
  EXPECT_EQ(exchange.retry.type, PacketType::Retry);
  EXPECT_EQ(exchange.retry.destination, exchange.initial.source);
  EXPECT_EQ(exchange.retry.source, id_of("given"));
  EXPECT_LT(exchange.retry_packet.size(), 100u);
}

TEST(RetryTest, ItsTokenBringsBackTheFirstDestination) {
  const Exchange exchange;
  EXPECT_EQ(exchange.tokens.verify(kIssued + 1s, exchange.answer(), kPeer), exchange.initial.destination);
  EXPECT_TRUE(exchange.tokens.verify(kIssued, exchange.answer(), kPeer).has_value());
}

TEST(RetryTest, ATokenLivesTenSeconds) {
  const Exchange exchange;
  EXPECT_TRUE(exchange.tokens.verify(kIssued + kRetryTokenLifetime, exchange.answer(), kPeer).has_value());
  EXPECT_FALSE(
      exchange.tokens.verify(kIssued + kRetryTokenLifetime + 1ns, exchange.answer(), kPeer).has_value());
  EXPECT_FALSE(exchange.tokens.verify(kIssued - 1ns, exchange.answer(), kPeer).has_value());
}

TEST(RetryTest, ATokenIsGoodForItsAddressPortRandomAndDestinationAlone) {
  const Exchange exchange;
  IpEndpoint other_port = kPeer;
  other_port.port += 1;
  EXPECT_FALSE(exchange.tokens.verify(kIssued, exchange.answer(), other_port).has_value());
  EXPECT_FALSE(
      exchange.tokens.verify(kIssued, exchange.answer(), IpEndpoint::v4({192, 0, 2, 8}, 4717)).has_value());

  PacketHeader other_random = exchange.answer();
  const Bytes random(32);
  other_random.client_random = random;
  EXPECT_FALSE(exchange.tokens.verify(kIssued, other_random, kPeer).has_value());

  PacketHeader other_destination = exchange.answer();
  other_destination.destination = id_of("another");
  EXPECT_FALSE(exchange.tokens.verify(kIssued, other_destination, kPeer).has_value());

  SeededRandom other_process(10);
  EXPECT_FALSE(RetryTokens(other_process).verify(kIssued, exchange.answer(), kPeer).has_value());
}

TEST(RetryTest, EveryChangeOfATokenIsRefused) {
  const Exchange exchange;
  const Bytes token = to_bytes(exchange.retry.token);
  PacketHeader answer = exchange.answer();
  for (std::size_t bit = 0; bit < token.size() * 8; ++bit) {
    Bytes changed = token;
    changed[bit / 8] ^= std::byte{1} << (bit % 8);
    answer.token = changed;
    EXPECT_FALSE(exchange.tokens.verify(kIssued, answer, kPeer).has_value()) << bit;
  }
  for (std::size_t size = 0; size < token.size(); ++size) {
    answer.token = ByteView{token}.first(size);
    EXPECT_FALSE(exchange.tokens.verify(kIssued, answer, kPeer).has_value()) << size;
  }
  Bytes longer = token;
  longer.push_back(std::byte{0});
  answer.token = longer;
  EXPECT_FALSE(exchange.tokens.verify(kIssued, answer, kPeer).has_value());
}

TEST(RetryTest, TheDialerTakesARetryToItsOwnInitialAndNoOther) {
  const Exchange exchange;
  const auto is_taken = [&](ByteView packet, ByteView random, const ConnectionId& destination) {
    const auto header = decode_packet_header(packet, 8);
    return header && header->type == PacketType::Retry &&
           is_authentic_retry(*header, packet, random, destination);
  };
  const ConnectionId original = exchange.initial.destination;
  EXPECT_TRUE(is_taken(exchange.retry_packet, client_random(), original));
  EXPECT_FALSE(is_taken(exchange.retry_packet, Bytes(32), original));
  EXPECT_FALSE(is_taken(exchange.retry_packet, client_random(), id_of("another")));
  for (std::size_t bit = 0; bit < exchange.retry_packet.size() * 8; ++bit) {
    Bytes changed = exchange.retry_packet;
    changed[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(is_taken(changed, client_random(), original)) << bit;
  }
}

}  // namespace
}  // namespace jetway::jsp
