#include "jetway/crypto/packet_keys.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include <gtest/gtest.h>

#include "jetway/base/random.h"

namespace jetway::crypto {
namespace {

SecretBytes secret_of(std::string_view text) { return SecretBytes::copy_of(as_bytes(text)); }

Bytes sealed_in_one(PacketKeys& keys, std::uint64_t number, ByteView associated_data, ByteView text) {
  Bytes packet(text.size() + kTagBytes);
  const std::array parts = {text};
  EXPECT_EQ(keys.seal(number, associated_data, parts, packet), packet.size());
  return packet;
}

struct SuiteOf {
  Suite suite;
  AeadBackend backend;
};

std::vector<SuiteOf> suites_of_all_backends() {
  std::vector<SuiteOf> all;
  for (const AeadBackend backend : {AeadBackend::OpenSsl, AeadBackend::IpsecMb}) {
    if (!is_available(backend)) continue;
    for (const Suite suite : default_suites()) all.push_back({suite, backend});
  }
  return all;
}

class PacketKeysTest : public testing::TestWithParam<SuiteOf> {
 protected:
  PacketKeys sender_{GetParam().suite, secret_of("traffic secret"), GetParam().backend};
  PacketKeys receiver_{GetParam().suite, secret_of("traffic secret"), GetParam().backend};
};

std::string suite_test_name(const testing::TestParamInfo<SuiteOf>& info) {
  std::string name(suite_name(info.param.suite));
  name += aead_backend_name(info.param.backend);
  std::erase(name, '-');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Suites, PacketKeysTest, testing::ValuesIn(suites_of_all_backends()),
                         suite_test_name);

TEST_P(PacketKeysTest, OpensWhatWasSealed) {
  for (const std::size_t size : {0uz, 1uz, 15uz, 16uz, 17uz, 1350uz, 65536uz}) {
    const Bytes text(size, std::byte{0x5a});
    for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
      Bytes packet = sealed_in_one(sender_, number, as_bytes("header"), text);
      const auto opened = receiver_.open(number, as_bytes("header"), packet);
      ASSERT_TRUE(opened.has_value());
      EXPECT_TRUE(equal_bytes(*opened, text));
      EXPECT_EQ(opened->data(), packet.data()) << "opened in place";
    }
  }
}

TEST_P(PacketKeysTest, RefusesEveryChange) {
  const Bytes text = to_bytes("attack at dawn");
  const Bytes packet = sealed_in_one(sender_, 7, as_bytes("header"), text);
  for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
    Bytes changed = packet;
    changed[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(receiver_.open(7, as_bytes("header"), changed).has_value());
  }
  for (std::size_t size = 0; size < packet.size(); ++size) {
    Bytes shorter(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(receiver_.open(7, as_bytes("header"), shorter).has_value());
  }
  Bytes copy = packet;
  EXPECT_FALSE(receiver_.open(8, as_bytes("header"), copy).has_value());
  copy = packet;
  EXPECT_FALSE(receiver_.open(7, as_bytes("headers"), copy).has_value());
  copy = packet;
  EXPECT_FALSE(receiver_.open(7, {}, copy).has_value());
  copy = packet;
  EXPECT_TRUE(receiver_.open(7, as_bytes("header"), copy).has_value()) << "a forgery does no lasting harm";
}

TEST_P(PacketKeysTest, OneObjectMaySealAndOpenInTurn) {
  for (std::uint64_t number = 0; number < 4; ++number) {
    Bytes packet = sealed_in_one(sender_, number, {}, as_bytes("text"));
    EXPECT_TRUE(sender_.open(number, {}, packet).has_value());
  }
}

TEST_P(PacketKeysTest, SealsInPlace) {
  const Bytes text = to_bytes("the application's own buffer");
  Bytes memory = text;
  memory.resize(text.size() + kTagBytes);
  const std::array parts = {ByteView{memory}.first(text.size())};
  sender_.seal(3, {}, parts, memory);
  EXPECT_EQ(memory, sealed_in_one(receiver_, 3, {}, text));
}

// As packets are built: small frames in the packet's own memory, bulk data from elsewhere.
TEST_P(PacketKeysTest, SealsPartsThatAreWhereTheyGoAlready) {
  for (const std::size_t size : {20uz, 1400uz, 9000uz}) {
    Bytes text(size);
    SeededRandom random(size);
    random.fill(text);
    for (const std::size_t cut : {0uz, 1uz, 16uz, size}) {
      Bytes memory(size + kTagBytes);
      copy_bytes(memory, ByteView{text}.first(cut));
      const std::array behind = {ByteView{memory}.first(cut), ByteView{text}.subspan(cut)};
      sender_.seal(3, as_bytes("header"), behind, memory);
      EXPECT_EQ(memory, sealed_in_one(receiver_, 3, as_bytes("header"), text)) << size << " " << cut;

      Bytes other(size + kTagBytes);
      copy_bytes(MutableBytes{other}.subspan(cut), ByteView{text}.subspan(cut));
      const std::array before = {ByteView{text}.first(cut), ByteView{other}.subspan(cut, size - cut)};
      sender_.seal(3, as_bytes("header"), before, other);
      EXPECT_EQ(other, memory);
    }
  }
}

TEST_P(PacketKeysTest, MovesAlong) {
  Bytes packet = sealed_in_one(sender_, 1, {}, as_bytes("text"));
  PacketKeys moved = std::move(receiver_);
  receiver_ = std::move(moved);
  EXPECT_TRUE(receiver_.open(1, {}, packet).has_value());
}

// IV XOR (path, 32 bits, then number, 64 bits), aligned to the right.
TEST_P(PacketKeysTest, TheNonceIsThatOfTheDocument) {
  const Suite suite = GetParam().suite;
  const Bytes key(kKeyBytes, std::byte{1});
  Bytes iv(nonce_bytes(suite), std::byte{0xaa});
  PacketKeys keys(suite, key, iv, GetParam().backend);
  Bytes packet(4 + kTagBytes);
  const std::array parts = {as_bytes("text")};
  keys.seal({0x0102'0304, 0x1112'1314'1516'1718}, as_bytes("header"), parts, packet);

  const std::array<unsigned, 12> name = {1, 2, 3, 4, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18};
  for (std::size_t i = 0; i < name.size(); ++i) {
    iv[iv.size() - name.size() + i] ^= static_cast<std::byte>(name[i]);
  }
  PacketKeys other(suite, key, iv, GetParam().backend);
  EXPECT_TRUE(other.open(0, as_bytes("header"), packet).has_value());
}

// However the text is cut, the packet is the same: nobody sees which part came from where.
TEST(PacketKeysPropertyTest, PartsAreSealedAsIfTheyWereOne) {
  EXPECT_TRUE(rc::check([](const std::vector<std::vector<std::uint8_t>>& pieces, std::uint64_t number) {
    for (const Suite suite : default_suites()) {
      PacketKeys keys(suite, secret_of("traffic secret"));
      std::vector<ByteView> parts;
      Bytes whole;
      for (const auto& piece : pieces) {
        parts.push_back(std::as_bytes(std::span{piece}));
        whole.insert(whole.end(), parts.back().begin(), parts.back().end());
      }
      Bytes gathered(whole.size() + kTagBytes);
      RC_ASSERT(keys.seal(number, {}, parts, gathered) == gathered.size());
      RC_ASSERT(gathered == sealed_in_one(keys, number, {}, whole));
    }
  }));
}

TEST(PacketKeysPropertyTest, BulkBehindASmallHeaderIsSealedAsIfItWereOne) {
  SeededRandom random(11);
  for (const Suite suite : default_suites()) {
    PacketKeys keys(suite, secret_of("traffic secret"));
    for (int round = 0; round < 40; ++round) {
      Bytes whole(1 + random.below(200'000));
      random.fill(whole);
      const std::size_t cut = random.below(std::min<std::size_t>(whole.size(), 64));
      const std::array parts = {ByteView{whole}.first(cut), ByteView{whole}.subspan(cut)};
      Bytes gathered(whole.size() + kTagBytes);
      keys.seal(5, as_bytes("header"), parts, gathered);
      EXPECT_EQ(gathered, sealed_in_one(keys, 5, as_bytes("header"), whole)) << suite_name(suite);
    }
  }
}

TEST(KeyUpdateTest, TheNextSecretOpensNothingOfTheOneBefore) {
  const SecretBytes first = secret_of("traffic secret");
  const SecretBytes second = PacketKeys::next_secret(Suite::Aes256Gcm, first);
  EXPECT_NE(first, second);
  EXPECT_EQ(second, PacketKeys::next_secret(Suite::Aes256Gcm, first));
  PacketKeys before(Suite::Aes256Gcm, first);
  PacketKeys after(Suite::Aes256Gcm, second);
  Bytes packet = sealed_in_one(before, 0, {}, as_bytes("text"));
  EXPECT_FALSE(after.open(0, {}, packet).has_value());
}

}  // namespace
}  // namespace jetway::crypto
