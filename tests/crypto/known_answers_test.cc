// Published test vectors, run through our own interfaces.

#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "jetway/base/text.h"
#include "jetway/crypto/hash.h"
#include "jetway/crypto/hkdf.h"
#include "jetway/crypto/identity.h"
#include "jetway/crypto/key_exchange.h"
#include "jetway/crypto/packet_keys.h"
#include "tests/crypto/scripted_random.h"

namespace jetway::crypto {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

// Bytes that count up.
Bytes counting(unsigned first, std::size_t size) {
  Bytes bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::byte>(first + i));
  return bytes;
}

Bytes joined(std::initializer_list<ByteView> parts) {
  Bytes all;
  for (const ByteView part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::string agreed(std::string_view private_key, std::string_view share) {
  std::array<std::byte, kX25519Bytes> secret{};
  EXPECT_TRUE(X25519Key::from_private(hex(private_key)).agree(hex(share), secret));
  return to_hex(secret);
}

TEST(KnownAnswersTest, X25519IsThatOfRfc7748Section5) {
  EXPECT_EQ(agreed("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                   "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
}

TEST(KnownAnswersTest, X25519AgreesAsInRfc7748Section6) {
  constexpr std::string_view kAlice = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
  constexpr std::string_view kBob = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
  constexpr std::string_view kSecret = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  const std::string alice_share = to_hex(X25519Key::from_private(hex(kAlice)).share());
  const std::string bob_share = to_hex(X25519Key::from_private(hex(kBob)).share());
  EXPECT_EQ(alice_share, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(bob_share, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  EXPECT_EQ(agreed(kAlice, bob_share), kSecret);
  EXPECT_EQ(agreed(kBob, alice_share), kSecret);
}

struct AeadVector {
  Suite suite;
  Bytes key;
  Bytes nonce;
  Bytes associated_data;
  Bytes plaintext;
  std::string sealed;  // ciphertext and tag
};

void expect_sealed_by(AeadBackend backend, const AeadVector& vector) {
  PacketKeys keys(vector.suite, vector.key, vector.nonce, backend);
  Bytes packet(vector.plaintext.size() + kTagBytes);
  const std::array parts = {ByteView{vector.plaintext}};
  // The nonce of packet 0 is the IV itself.
  EXPECT_EQ(keys.seal(0, vector.associated_data, parts, packet), packet.size());
  EXPECT_EQ(to_hex(packet), vector.sealed);
  const auto opened = keys.open(0, vector.associated_data, packet);
  ASSERT_TRUE(opened.has_value());
  EXPECT_TRUE(equal_bytes(*opened, vector.plaintext));
}

void expect_sealed(const AeadVector& vector) {
  for (const AeadBackend backend : {AeadBackend::OpenSsl, AeadBackend::IpsecMb}) {
    if (is_available(backend)) expect_sealed_by(backend, vector);
  }
}

constexpr std::string_view kSunscreen =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen "
    "would be it.";

TEST(KnownAnswersTest, ChaCha20Poly1305IsThatOfRfc8439Section2) {
  expect_sealed({.suite = Suite::ChaCha20Poly1305,
                 .key = counting(0x80, 32),
                 .nonce = hex("070000004041424344454647"),
                 .associated_data = hex("50515253c0c1c2c3c4c5c6c7"),
                 .plaintext = to_bytes(kSunscreen),
                 .sealed = "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
                           "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
                           "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
                           "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"});
}

TEST(KnownAnswersTest, XChaCha20Poly1305IsThatOfTheDraft) {  // draft-irtf-cfrg-xchacha-03, appendix A.3.1
  expect_sealed({.suite = Suite::XChaCha20Poly1305,
                 .key = counting(0x80, 32),
                 .nonce = counting(0x40, 24),
                 .associated_data = hex("50515253c0c1c2c3c4c5c6c7"),
                 .plaintext = to_bytes(kSunscreen),
                 .sealed = "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
                           "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
                           "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
                           "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49"});
}

TEST(KnownAnswersTest, Aes256GcmIsThatOfItsTestCase16) {  // McGrew and Viega, as submitted to NIST
  expect_sealed({.suite = Suite::Aes256Gcm,
                 .key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
                 .nonce = hex("cafebabefacedbaddecaf888"),
                 .associated_data = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
                 .plaintext = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                                  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"),
                 .sealed = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                           "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                           "76fc6ece0f4e1768cddf8853bb2d551b"});
}

struct HkdfVector {
  Bytes input_key;
  Bytes salt;
  Bytes info;
  std::string extracted;
  std::string expanded;
};

void expect_derived(const HkdfVector& vector) {
  const SecretBytes key = hkdf_extract(vector.salt, vector.input_key);
  EXPECT_EQ(to_hex(key.view()), vector.extracted);
  EXPECT_EQ(to_hex(hkdf_expand(key, vector.info, vector.expanded.size() / 2).view()), vector.expanded);
}

TEST(KnownAnswersTest, HkdfIsThatOfRfc5869AppendixA) {
  expect_derived({.input_key = Bytes(22, std::byte{0x0b}),
                  .salt = counting(0, 13),
                  .info = counting(0xf0, 10),
                  .extracted = "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
                  .expanded = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
                              "34007208d5b887185865"});
  expect_derived({.input_key = counting(0, 80),
                  .salt = counting(0x60, 80),
                  .info = counting(0xb0, 80),
                  .extracted = "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
                  .expanded = "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
                              "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
                              "cc30c58179ec3e87c14c01d5c1f3434f1d87"});
  expect_derived({.input_key = Bytes(22, std::byte{0x0b}),
                  .salt = {},
                  .info = {},
                  .extracted = "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
                  .expanded = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
                              "9d201395faa4b61a96c8"});
}

TEST(KnownAnswersTest, Sha256IsThatOfFips180) {
  EXPECT_EQ(sha256({}).to_hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(as_bytes("abc")).to_hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// The vectors of the BLAKE3 authors: input 0, 1, ... 250, 0, 1, ...
TEST(KnownAnswersTest, Blake3IsThatOfItsAuthors) {
  struct Vector {
    std::size_t size;
    std::string_view hash;
  };
  constexpr std::array kVectors = {
      Vector{0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"},
      Vector{1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"},
      Vector{1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"},
      Vector{1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"},
      Vector{1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"},
      Vector{2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"},
      Vector{2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"},
      Vector{31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"},
      Vector{102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"},
  };
  for (const Vector& vector : kVectors) {
    Bytes input(vector.size);
    for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::byte>(i % 251);
    EXPECT_EQ(blake3(input).to_hex(), vector.hash) << vector.size;
    Blake3 piecewise;
    for (std::size_t at = 0; at < input.size(); at += 1000) {
      piecewise.update(ByteView{input}.subspan(at, std::min<std::size_t>(1000, input.size() - at)));
    }
    EXPECT_EQ(piecewise.finish().to_hex(), vector.hash) << vector.size;
  }
}

TEST(KnownAnswersTest, Ed25519IsThatOfRfc8032Section7) {
  test::ScriptedRandom random(hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  const Identity identity = Identity::generate(KeyType::Ed25519, random);
  EXPECT_EQ(to_hex(ByteView{identity.public_key()}.last(32)),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(to_hex(identity.sign({})),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b");
}

// An endless stream out of SHAKE128.
class Shake128 {
 public:
  Shake128() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_.get(), EVP_shake128(), nullptr); }

  void update(ByteView bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  Bytes read(std::size_t size) {
    Bytes bytes(size);
    EVP_DigestSqueeze(context_.get(), reinterpret_cast<unsigned char*>(bytes.data()), size);
    return bytes;
  }

 private:
  DigestContext context_;
};

// One round of the accumulated vectors of C2SP/CCTV (ML-KEM), as Go runs them: key generation, encapsulation,
// decapsulation, and the implicit rejection of a random ciphertext, all on bytes that `stream` gives.
void accumulate_ml_kem(KeyExchange exchange, Shake128& stream, Shake128& sum) {
  const Bytes x25519 = counting(1, kX25519Bytes);  // the other half, which these vectors do not have
  const Bytes seed = stream.read(64);
  test::ScriptedRandom dialer_random(joined({x25519, seed}));
  const HybridDialer dialer = HybridDialer::generate(exchange, dialer_random);
  sum.update(dialer.encapsulation_key());

  const Bytes message = stream.read(32);
  test::ScriptedRandom listener_random(joined({x25519, message}));
  const auto answer =
      answer_key_exchange(exchange, dialer.x25519_share(), dialer.encapsulation_key(), listener_random);
  ASSERT_TRUE(answer.has_value());
  sum.update(answer->ciphertext);
  sum.update(answer->secret.view().first(32));
  const auto secret = dialer.agree(answer->x25519_share, answer->ciphertext);
  ASSERT_TRUE(secret.has_value());
  EXPECT_EQ(*secret, answer->secret);

  const auto rejected = dialer.agree(answer->x25519_share, stream.read(ciphertext_bytes(exchange)));
  ASSERT_TRUE(rejected.has_value());
  sum.update(rejected->view().first(32));
}

std::string accumulated_ml_kem(KeyExchange exchange) {
  Shake128 stream;
  Shake128 sum;
  for (int round = 0; round < 100; ++round) accumulate_ml_kem(exchange, stream, sum);
  return to_hex(sum.read(32));
}

TEST(KnownAnswersTest, MlKemIsThatOfFips203) {
  EXPECT_EQ(accumulated_ml_kem(KeyExchange::X25519MlKem768),
            "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415");
}

}  // namespace
}  // namespace jetway::crypto
