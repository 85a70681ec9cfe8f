#include "jetway/crypto/identity.h"

#include <array>
#include <cctype>
#include <memory>
#include <span>
#include <string>
#include <unordered_set>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace jetway::crypto {
namespace {

constexpr std::array kTypes = {KeyType::Ed25519, KeyType::MlDsa65};

Identity make_identity(KeyType type, std::uint64_t seed = 1) {
  SeededRandom random(seed);
  return Identity::generate(type, random);
}

std::string pem_of(const Identity& identity) { return std::string(as_text(identity.to_pem().view())); }

TEST(IdentityTest, SameSeedSameKey) {
  for (const KeyType type : kTypes) {
    EXPECT_EQ(make_identity(type).public_key(), make_identity(type).public_key());
    EXPECT_NE(make_identity(type).peer_id(), make_identity(type, 2).peer_id());
  }
}

TEST(IdentityTest, SurvivesPem) {
  for (const KeyType type : kTypes) {
    const Identity identity = make_identity(type);
    const std::string pem = pem_of(identity);
    EXPECT_TRUE(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    const auto again = Identity::from_pem("a note\n" + pem + "another\n");
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->type(), type);
    EXPECT_EQ(again->public_key(), identity.public_key());
  }
}

TEST(IdentityTest, PublicKeyIsTheDerThatOpensslWrites) {
  for (const KeyType type : kTypes) {
    const Identity identity = make_identity(type);
    const unsigned char* in = reinterpret_cast<const unsigned char*>(identity.public_key().data());
    const Pkey key(d2i_PUBKEY(nullptr, &in, static_cast<long>(identity.public_key().size())));
    ASSERT_NE(key, nullptr);
    unsigned char* out = nullptr;
    const int size = i2d_PUBKEY(key.get(), &out);
    ASSERT_GT(size, 0);
    EXPECT_TRUE(
        equal_bytes(std::as_bytes(std::span(out, static_cast<std::size_t>(size))), identity.public_key()));
    OPENSSL_free(out);
  }
}

TEST(IdentityTest, ItsSignatureIsGoodForThisMessageAndKeyOnly) {
  for (const KeyType type : kTypes) {
    const Identity identity = make_identity(type);
    const auto key = PublicKey::from_der(identity.public_key());
    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(key->type(), type);
    EXPECT_EQ(key->peer_id(), identity.peer_id());
    Bytes signature = identity.sign(as_bytes("message"));
    EXPECT_EQ(signature.size(), identity.signature_bytes());
    EXPECT_TRUE(key->verify(as_bytes("message"), signature));
    EXPECT_FALSE(key->verify(as_bytes("massage"), signature));
    EXPECT_FALSE(
        PublicKey::from_der(make_identity(type, 2).public_key())->verify(as_bytes("message"), signature));
    EXPECT_FALSE(key->verify(as_bytes("message"), ByteView{signature}.first(signature.size() - 1)));
    EXPECT_FALSE(key->verify(as_bytes("message"), {}));
    signature.back() ^= std::byte{1};
    EXPECT_FALSE(key->verify(as_bytes("message"), signature));
  }
}

TEST(IdentityTest, KeyTypesHaveNames) {
  for (const KeyType type : kTypes) EXPECT_EQ(key_type_from_name(key_type_name(type)), type);
  EXPECT_EQ(key_type_name(KeyType::MlDsa65), "ml-dsa-65");
  EXPECT_EQ(key_type_from_name("rsa"), std::nullopt);
}

IdentityErrc error_of_pem(std::string_view pem) {
  const auto identity = Identity::from_pem(pem);
  EXPECT_FALSE(identity.has_value());
  return identity.error().code;
}

// A key that OpenSSL knows and we do not, or one of ours behind a password.
std::string foreign_pem(EVP_PKEY* key, const char* password) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  const EVP_CIPHER* cipher = password == nullptr ? nullptr : EVP_aes_256_cbc();
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, cipher, password, password == nullptr ? 0 : 8, nullptr,
                                nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

TEST(IdentityTest, RefusesWhatIsNotAKeyOfOurs) {
  EXPECT_EQ(error_of_pem(""), IdentityErrc::Malformed);
  EXPECT_EQ(error_of_pem("not a key"), IdentityErrc::Malformed);
  EXPECT_EQ(error_of_pem(std::string(kIdentityPemMaxBytes + 1, 'x')), IdentityErrc::Malformed);
  const std::string pem = pem_of(make_identity(KeyType::Ed25519));
  EXPECT_EQ(error_of_pem(pem.substr(0, pem.size() / 2)), IdentityErrc::Malformed);

  const Pkey x25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
  EXPECT_EQ(error_of_pem(foreign_pem(x25519.get(), nullptr)), IdentityErrc::UnsupportedKey);
}

TEST(IdentityTest, NeverAsksForAPassword) {
  const Pkey ed25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  EXPECT_EQ(error_of_pem(foreign_pem(ed25519.get(), "password")), IdentityErrc::Encrypted);
}

TEST(PublicKeyTest, RefusesEveryOtherEncoding) {
  const Identity identity = make_identity(KeyType::Ed25519);
  const Bytes& der = identity.public_key();
  const auto code_of = [](ByteView bytes) { return PublicKey::from_der(bytes).error().code; };
  EXPECT_EQ(code_of({}), IdentityErrc::UnsupportedKey);
  for (std::size_t size = 0; size < der.size(); ++size) {
    EXPECT_EQ(code_of(ByteView{der}.first(size)), IdentityErrc::UnsupportedKey);
  }
  Bytes longer = der;
  longer.push_back(std::byte{0});
  EXPECT_EQ(code_of(longer), IdentityErrc::UnsupportedKey);
  for (std::size_t at = 0; at + 32 < der.size(); ++at) {  // all that is not the key itself
    Bytes other = der;
    other[at] ^= std::byte{0x20};
    EXPECT_EQ(code_of(other), IdentityErrc::UnsupportedKey) << at;
  }
}

TEST(PeerIdTest, TextGoesBothWaysInEitherCase) {
  const PeerId id = make_identity(KeyType::Ed25519).peer_id();
  const std::string text = id.to_text();
  EXPECT_EQ(text.size(), kPeerIdTextBytes);
  EXPECT_TRUE(text.starts_with("jw"));
  EXPECT_EQ(PeerId::from_text(text), id);
  std::string upper = text;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  EXPECT_EQ(PeerId::from_text(upper), id);
}

TEST(PeerIdTest, IsTheBlake3OfTheKey) {
  const Identity identity = make_identity(KeyType::Ed25519);
  EXPECT_TRUE(equal_bytes(identity.peer_id().bytes(), blake3(identity.public_key()).view()));
  EXPECT_EQ(PeerId::from_bytes(identity.peer_id().bytes()), identity.peer_id());
}

TEST(PeerIdTest, RefusesWhatIsNotOne) {
  const std::string text = make_identity(KeyType::Ed25519).peer_id().to_text();
  EXPECT_EQ(PeerId::from_text(""), std::nullopt);
  EXPECT_EQ(PeerId::from_text("jw"), std::nullopt);
  EXPECT_EQ(PeerId::from_text(text + "a"), std::nullopt);
  EXPECT_EQ(PeerId::from_text(text.substr(0, text.size() - 1)), std::nullopt);
  EXPECT_EQ(PeerId::from_text("xw" + text.substr(2)), std::nullopt);
  EXPECT_EQ(PeerId::from_text(text.substr(0, 20) + "1" + text.substr(21)), std::nullopt);  // not in base32
  EXPECT_EQ(PeerId::from_text(text.substr(0, kPeerIdTextBytes - 1) + "b"), std::nullopt);  // leftover bits
  EXPECT_EQ(PeerId::from_bytes(Bytes(31)), std::nullopt);
  EXPECT_TRUE(PeerId().is_nobody());
}

TEST(HashTest, HexGoesBothWays) {
  const Hash256 hash = blake3(as_bytes("x"));
  EXPECT_EQ(Hash256::from_hex(hash.to_hex()), hash);
  EXPECT_EQ(Hash256::from_hex("00"), std::nullopt);
  EXPECT_EQ(Hash256::from_hex(std::string(64, 'g')), std::nullopt);
  EXPECT_EQ(Hash256::from_bytes(Bytes(33)), std::nullopt);
  const std::unordered_set<Hash256> hashes = {hash, blake3(as_bytes("y")), hash};
  EXPECT_EQ(hashes.size(), 2u);
  const std::unordered_set<PeerId> ids = {PeerId(hash), PeerId(hash)};
  EXPECT_EQ(ids.size(), 1u);
}

}  // namespace
}  // namespace jetway::crypto
