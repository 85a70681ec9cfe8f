#include "jetway/crypto/ticket.h"

#include <algorithm>
#include <array>

#include "jetway/base/assert.h"
#include "jetway/crypto/handshake_keys.h"
#include "jetway/crypto/hkdf.h"
#include "jetway/crypto/packet_keys.h"
#include "jetway/wire/reader.h"
#include "jetway/wire/writer.h"

namespace jetway::crypto {

namespace {

constexpr std::string_view kTicketLabel = "jetway ticket 1";
constexpr std::string_view kTicketKeyLabel = "jetway ticket key after the clock was set back";
// Its nonces are long enough to be drawn at random under one key.
constexpr Suite kTicketSuite = Suite::XChaCha20Poly1305;
constexpr std::size_t kNonceBytes = nonce_bytes(kTicketSuite);
constexpr std::size_t kClearBytes = 1 + kNonceBytes;  // shard, nonce
constexpr std::size_t kFixedBytes = 8 + 2 + 1 + kHashBytes + kHashBytes;
// Steps back of our clock that are ridden out.
constexpr std::chrono::seconds kClockTolerance{5};

static_assert(kNonceBytes <= sizeof(HandshakeRandom));
static_assert(kClearBytes + kFixedBytes + kSessionParametersMaxBytes + kTagBytes <= kTicketMaxBytes);

ByteView nonce_of(ByteView ticket) { return ticket.subspan(1, kNonceBytes); }

// The name by which a used ticket is remembered.
HandshakeRandom name_of(ByteView ticket) {
  HandshakeRandom name{};
  copy_bytes(name, nonce_of(ticket));
  return name;
}

PacketKeys keys_of_ticket(const SecretBytes& key, ByteView ticket) {
  return {kTicketSuite, key.view(), nonce_of(ticket)};
}

Bytes associated_data(std::byte shard) {
  Bytes data = to_bytes(kTicketLabel);
  data.push_back(shard);
  return data;
}

}  // namespace

std::optional<SecretBytes> derive_ticket_secret(const SecretBytes& resumption_secret, ByteView ticket) {
  if (ticket.size() < kClearBytes || ticket.size() > kTicketMaxBytes) return std::nullopt;
  return hkdf_expand_label(resumption_secret, "ticket", nonce_of(ticket), kHashBytes);
}

TicketIssuer::TicketIssuer(const TicketConfig& config, RandomSource& random)
    : config_(config), random_(&random), key_(kKeyBytes), used_(config.used_max) {
  random.fill(key_.bytes());
}

Bytes TicketIssuer::issue(WallTime now, const TicketGrant& grant, const SecretBytes& resumption_secret) {
  JETWAY_ASSERT(grant.session_parameters.size() <= kSessionParametersMaxBytes);
  on_time(now);
  Bytes ticket(kClearBytes + kFixedBytes + grant.session_parameters.size() + kTagBytes);
  ticket[0] = std::byte{config_.shard};
  random_->fill(MutableBytes{ticket}.subspan(1, kNonceBytes));

  const MutableBytes memory = MutableBytes{ticket}.subspan(kClearBytes);
  wire::Writer out(memory.first(memory.size() - kTagBytes));
  out.u64(static_cast<std::uint64_t>((latest_ + config_.lifetime).time_since_epoch().count()));
  out.u16(grant.version);
  out.u8(static_cast<std::uint8_t>(grant.suite));
  out.bytes(grant.peer.bytes());
  out.bytes(derive_ticket_secret(resumption_secret, ticket)->view());
  out.bytes(grant.session_parameters);
  const std::array parts = {out.written()};
  keys_of_ticket(key_, ticket).seal(0, associated_data(ticket[0]), parts, memory);
  return ticket;
}

std::expected<RedeemedTicket, TicketErrc> TicketIssuer::redeem(
    WallTime now, const TicketOffer& offer, const std::function<bool(const PeerId&)>& is_admitted) {
  on_time(now);
  std::expected<Opened, TicketErrc> opened = open(offer.ticket);
  if (!opened) return std::unexpected(opened.error());
  if (opened->expires < latest_) return std::unexpected(TicketErrc::Expired);
  // Tickets travel where others can read them: without this a copy would use them up.
  const Hash256 binder = ticket_binder(opened->contents.secret, offer.init_prefix);
  if (!equal_in_constant_time(binder.view(), offer.binder)) return std::unexpected(TicketErrc::NotProven);
  if (!is_admitted || !is_admitted(opened->contents.peer)) return std::unexpected(TicketErrc::NotAdmitted);
  const HandshakeRandom name = name_of(offer.ticket);
  if (used_.contains(name)) return std::unexpected(TicketErrc::Used);
  if (used_.is_full()) return std::unexpected(TicketErrc::Full);
  used_.add(name, opened->expires);
  return std::move(opened->contents);
}

std::expected<TicketIssuer::Opened, TicketErrc> TicketIssuer::open(ByteView ticket) const {
  if (ticket.size() < kClearBytes + kFixedBytes + kTagBytes || ticket.size() > kTicketMaxBytes ||
      ticket[0] != std::byte{config_.shard}) {
    return std::unexpected(TicketErrc::NotOurs);
  }
  SecretBytes memory = SecretBytes::copy_of(ticket.subspan(kClearBytes));
  const auto plaintext = keys_of_ticket(key_, ticket).open(0, associated_data(ticket[0]), memory.bytes());
  if (!plaintext) return std::unexpected(TicketErrc::NotOurs);

  // We have sealed it, so it is well-formed.
  wire::Reader in(*plaintext);
  Opened opened;
  opened.expires = WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(in.u64())));
  opened.contents.version = in.u16();
  opened.contents.suite = suite_from_number(in.u8()).value();
  opened.contents.peer = PeerId::from_bytes(in.bytes(kHashBytes)).value();
  opened.contents.secret = SecretBytes::copy_of(in.bytes(kHashBytes));
  opened.contents.session_parameters = to_bytes(in.rest());
  JETWAY_ASSERT(in.ok());
  return opened;
}

// As InitFilter: small steps back are ridden out by judging with the latest time there was. After a large one
// nothing would expire for long, so all tickets end with the key.
void TicketIssuer::on_time(WallTime now) {
  if (now + kClockTolerance < latest_) {
    const Hash256 key = hmac_sha256(key_.view(), {as_bytes(kTicketKeyLabel)});
    key_ = SecretBytes::copy_of(key.view());
    used_.clear();
    latest_ = now;
  }
  latest_ = std::max(latest_, now);
  used_.expire(latest_);
}

}  // namespace jetway::crypto
