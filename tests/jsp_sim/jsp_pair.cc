#include "tests/jsp_sim/jsp_pair.h"

#include <array>
#include <format>

#include "jetway/crypto/identity.h"
#include "tests/jsp_sim/pattern.h"

namespace jetway::sim {

std::shared_ptr<const crypto::Identity> test_identity(std::size_t index) {
  static const auto identities = [] {
    SeededRandom random(4717);
    std::array<std::shared_ptr<const crypto::Identity>, 4> made;
    for (auto& identity : made) {
      identity =
          std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random));
    }
    return made;
  }();
  return identities.at(index);
}

jsp::JspConfig test_config(std::size_t identity) {
  jsp::JspConfig config;
  config.handshake.identity = test_identity(identity);
  config.handshake.is_known = [](const crypto::PeerId&) { return true; };
  return config;
}

namespace {

// Survives a restart of the listener, as it does in a program.
JspPairConfig with_reset_key(JspPairConfig config) {
  config.listener_endpoint.reset_key.emplace().fill(std::byte{47});
  return config;
}

}  // namespace

JspPair::JspPair(const JspPairConfig& pair_config)
    : config(with_reset_key(pair_config)),
      network({.seed = config.seed, .trace_events = config.trace_events}),
      dialer_machine(network.add_host("dialer", dialer_address(0))),
      listener_machine(network.add_host("listener", kListener)),
      dialer_host(dialer_machine, config.dialer_endpoint, network.random()()),
      listener_host(listener_machine, config.listener_endpoint, network.random()()) {
  links.push_back(network.connect(dialer_address(0), kListener, config.there, config.back));
  for (const auto& [there, back] : config.more_paths) {
    const IpEndpoint address = dialer_address(links.size());
    dialer_machine.add_interface(address);
    links.push_back(network.connect(address, kListener, there, back));
  }
  listener_host.listen(config.listener, config.filter);
}

JspConnection& JspPair::listener() {
  const auto& connections = listener_host.connections();
  for (auto at = connections.rbegin(); at != connections.rend(); ++at) {
    if ((*at)->find_event<session::PeerAuthenticated>() != nullptr) return **at;
  }
  return *connections.back();
}

void JspPair::dial() { dialer_host.connect(config.dialer, kListener, dialer_address(0)); }

bool JspPair::connect(Duration limit) {
  dial();
  return run_until([this] { return dialer().is_admitted(); }, limit);
}

bool JspPair::is_over() {
  return (!has_listener() || listener().is_over()) && dialer().is_over() &&
         dialer_host.endpoint().statistics().connections == 0 &&
         listener_host.endpoint().statistics().connections == 0;
}

bool JspPair::close(std::uint64_t code) {
  if (!dialer().is_over()) {
    dialer_host.command(dialer(), [&](Now now, jsp::Connection& engine) { engine.close(now, code, "done"); });
  }
  return run_until([this] { return is_over(); }, std::chrono::minutes(5));
}

bool JspPair::transfer_to_listener(std::size_t bytes, Duration limit) {
  return transfer(dialer_host, dialer(), listener_host, listener(), bytes, limit);
}

bool JspPair::transfer_to_dialer(std::size_t bytes, Duration limit) {
  return transfer(listener_host, listener(), dialer_host, dialer(), bytes, limit);
}

namespace {

// Writes what there is room for and finishes; whether all is written.
bool write_more(session::Session& session, session::StreamId id, std::uint64_t& written, std::size_t bytes) {
  Bytes piece(16 * 1024);
  while (written < bytes) {
    const MutableBytes part = MutableBytes{piece}.first(std::min(piece.size(), bytes - written));
    fill_pattern(id, written, part);
    const auto taken = session.write(id, part);
    if (!taken || *taken == 0) return false;
    written += *taken;
  }
  return session.finish(id).has_value();
}

// Reads what has come; nullopt: it is not what it should be.
std::optional<bool> read_more(session::Session& session, session::StreamId id, std::uint64_t& read) {
  Bytes piece(16 * 1024);
  while (true) {
    const auto result = session.read(id, piece);
    if (!result || result->is_nothing()) return false;
    if (match_pattern(id, read, ByteView{piece}.first(result->bytes)) != result->bytes) return std::nullopt;
    read += result->bytes;
    if (result->is_end) return true;
  }
}

}  // namespace

bool JspPair::transfer(JspHost& from, JspConnection& sender, JspHost& to, JspConnection& receiver,
                       std::size_t bytes, Duration limit) {
  std::optional<session::StreamId> id;
  std::uint64_t written = 0;
  std::uint64_t read = 0;
  bool is_written = false;
  std::optional<bool> is_read = false;
  // Only what was reported since gives a reason to look again.
  std::size_t sender_events = 0;
  std::size_t receiver_events = 0;
  const auto step = [&] {
    if (sender.is_over() || receiver.is_over()) return true;
    if (!is_written && (!id || sender.session_events.size() != sender_events)) {
      sender_events = sender.session_events.size();
      from.command(sender, [&](Now, jsp::Connection& engine) {
        if (!id) id = engine.session().open_stream(session::Direction::OneWay).value();
        is_written = write_more(engine.session(), *id, written, bytes);
      });
    }
    if (receiver.is_over() || receiver.session_events.size() == receiver_events) return false;
    receiver_events = receiver.session_events.size();
    to.command(receiver,
               [&](Now, jsp::Connection& engine) { is_read = read_more(engine.session(), *id, read); });
    return is_read.value_or(true);
  };
  run_until(step, limit);
  return is_read.value_or(false) && read == bytes;
}

}  // namespace jetway::sim
