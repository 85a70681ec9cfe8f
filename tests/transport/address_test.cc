#include "jetway/transport/address.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace jetway::transport {
namespace {

HostEndpoint host(std::string_view text) {
  const auto address = Address::parse(text);
  EXPECT_TRUE(address.has_value()) << text << ": " << (address ? "" : address.error().detail);
  return address ? std::get<HostEndpoint>(address->endpoint) : HostEndpoint{};
}

AddressErrc code_of(std::string_view text) {
  const auto address = Address::parse(text);
  EXPECT_FALSE(address.has_value()) << text;
  if (address) return AddressErrc{};
  EXPECT_FALSE(address.error().detail.empty()) << text;
  return address.error().code;
}

constexpr auto kAny = HostProtocol::Any;
constexpr auto kJsp = HostProtocol::Jsp;
constexpr auto kTcp = HostProtocol::Tcp;

TEST(AddressTest, HostsComeWithOrWithoutSchemeAndPort) {
  EXPECT_EQ(host("example.org"), (HostEndpoint{"example.org", 4717, kAny}));
  EXPECT_EQ(host("example.org:80"), (HostEndpoint{"example.org", 80, kAny}));
  EXPECT_EQ(host("tcp://example.org"), (HostEndpoint{"example.org", 4717, kTcp}));
  EXPECT_EQ(host("tcp://192.0.2.1:65535"), (HostEndpoint{"192.0.2.1", 65535, kTcp}));
  EXPECT_EQ(host("jsp://example.org"), (HostEndpoint{"example.org", 4717, kJsp}));
  EXPECT_EQ(host("jsp://[2001:db8::1]:80"), (HostEndpoint{"2001:db8::1", 80, kJsp}));
  EXPECT_EQ(host("tcp://:0"), (HostEndpoint{"", 0, kTcp}));
  EXPECT_EQ(host(":4718"), (HostEndpoint{"", 4718, kAny}));
}

TEST(AddressTest, IPv6StandsInBracketsWhenItHasAPort) {
  EXPECT_EQ(host("[::1]:99"), (HostEndpoint{"::1", 99, kAny}));
  EXPECT_EQ(host("tcp://[fe80::1%eth0]"), (HostEndpoint{"fe80::1%eth0", 4717, kTcp}));
  EXPECT_EQ(host("2001:db8::1"), (HostEndpoint{"2001:db8::1", 4717, kAny}));
}

TEST(AddressTest, TheTextHasTheSchemeThatWasGivenAndThePort) {
  EXPECT_EQ(Address::parse("[::1]:99")->to_text(), "[::1]:99");
  EXPECT_EQ(Address::parse("tcp://::1")->to_text(), "tcp://[::1]:4717");
  EXPECT_EQ(Address::parse("jsp://host")->to_text(), "jsp://host:4717");
  EXPECT_EQ(Address::parse("host")->to_text(), "host:4717");
}

TEST(AddressTest, UnixPathsAreTakenAsTheyAre) {
  const auto address = Address::parse("unix:///run/a b@c.sock");
  ASSERT_TRUE(address.has_value());
  EXPECT_EQ(std::get<UnixEndpoint>(address->endpoint).path, "/run/a b@c.sock");
  EXPECT_EQ(address->to_text(), "unix:///run/a b@c.sock");
  EXPECT_FALSE(address->peer.has_value());
}

TEST(AddressTest, APeerMayStandInFrontOrBehindTheScheme) {
  const std::string id = crypto::PeerId::of_public_key(as_bytes("key")).to_text();
  for (const std::string& text : {id + "@jsp://host:1", "jsp://" + id + "@host:1"}) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address.has_value()) << text;
    EXPECT_EQ(address->peer->to_text(), id);
    EXPECT_EQ(address->to_text(), "jsp://host:1");
  }
  EXPECT_EQ(Address::parse(id + "@host:1")->to_text(), "host:1");
  EXPECT_EQ(Address::parse(id + "@unix:///s")->peer->to_text(), id);
}

TEST(AddressTest, EachMistakeHasItsOwnCode) {
  EXPECT_EQ(code_of(""), AddressErrc::Empty);
  EXPECT_EQ(code_of("tcp://"), AddressErrc::Empty);
  EXPECT_EQ(code_of("jsp://"), AddressErrc::Empty);
  EXPECT_EQ(code_of("udp://host"), AddressErrc::UnknownScheme);
  EXPECT_EQ(code_of("somebody@host"), AddressErrc::BadPeer);
  EXPECT_EQ(code_of("ho st"), AddressErrc::BadHost);
  EXPECT_EQ(code_of("[::1"), AddressErrc::BadHost);
  EXPECT_EQ(code_of("[host]:1"), AddressErrc::BadHost);
  EXPECT_EQ(code_of(std::string(254, 'a')), AddressErrc::BadHost);
  EXPECT_EQ(code_of("host:"), AddressErrc::BadPort);
  EXPECT_EQ(code_of("host:65536"), AddressErrc::BadPort);
  EXPECT_EQ(code_of("host:1x"), AddressErrc::BadPort);
  EXPECT_EQ(code_of("host:-1"), AddressErrc::BadPort);
  EXPECT_EQ(code_of("[::1]1"), AddressErrc::BadPort);
  EXPECT_EQ(code_of("unix://"), AddressErrc::BadPath);
  EXPECT_EQ(code_of("unix://relative"), AddressErrc::BadPath);
  EXPECT_EQ(code_of("unix:///" + std::string(107, 'a')), AddressErrc::BadPath);
  EXPECT_EQ(code_of(std::string_view("unix:///a\0b", 11)), AddressErrc::BadPath);
}

TEST(AddressTest, ErrorsEscapeWhatIsForeign) {
  EXPECT_EQ(Address::parse("ho\x1bst").error().detail.find('\x1b'), std::string::npos);
}

RC_GTEST_PROP(AddressTest, WhateverIsParsedIsReadBackFromItsText, (const std::string& text)) {
  const auto address = Address::parse(text);
  if (!address) return;
  auto again = Address::parse(address->to_text());
  if (std::holds_alternative<HostEndpoint>(address->endpoint)) {
    RC_ASSERT(again.has_value());
    RC_ASSERT(again->endpoint == address->endpoint);
  }
}

}  // namespace
}  // namespace jetway::transport
