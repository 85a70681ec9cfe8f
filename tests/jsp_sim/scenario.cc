#include "tests/jsp_sim/scenario.h"

#include <algorithm>
#include <format>

#include "jetway/crypto/ticket.h"
#include "jetway/session/parameters.h"

namespace jetway::sim {

using namespace std::chrono_literals;
using session::Role;

namespace {

constexpr Duration kWorkLimit = 10min;
constexpr Duration kEndLimit = 5min;
constexpr Duration kLongSleep = 1h;
constexpr Duration kRecovery = 5s;
constexpr std::uint64_t kEventsMax = 5'000'000;
constexpr std::uint64_t kCloseCode = 42;
constexpr IpEndpoint kNatAddress = IpEndpoint::v4({198, 51, 100, 1}, 20'000);
constexpr IpEndpoint kOtherNatAddress = IpEndpoint::v4({198, 51, 100, 2}, 30'000);

constexpr bool ends_connections(Mishap mishap) {
  return mishap == Mishap::CloseInTheMiddle || mishap == Mishap::ListenerRestarts ||
         mishap == Mishap::DialerVanishes || mishap == Mishap::SleepForAnHour ||
         mishap == Mishap::EngineClockLeaps;
}

class ScenarioFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ScenarioRun {
 public:
  explicit ScenarioRun(const ScenarioPlan& plan)
      : plan_(plan), random_(plan.pair.seed), tickets_({}, random_), pair_(with_tickets(plan.pair)) {
    prepare();
  }

  ScenarioResult run();

 private:
  JspPairConfig with_tickets(JspPairConfig config);
  std::shared_ptr<const crypto::ResumptionTicket> make_ticket();
  void prepare();
  void place_nat();
  void admit_later(JspConnection& connection);
  void start_working();
  void go();
  void connect();
  void schedule_mishaps();
  void happen(const ScheduledMishap& mishap);
  bool give_command(const ScheduledMishap& mishap);
  void befall(const ScheduledMishap& mishap);
  bool has_second_path();
  void end();
  std::string reasons() const;
  std::string describe_listener();
  bool run_until(const std::function<bool()>& is_done, Duration limit);
  bool is_any_over() const {
    const auto is_over = [](const auto& connection) { return connection->is_over(); };
    const auto& accepted = pair_.listener_host.connections();
    return pair_.dialer_host.last_connection()->is_over() ||
           (!accepted.empty() && std::ranges::all_of(accepted, is_over));
  }
  JspHost& host_of(bool dialer) { return dialer ? pair_.dialer_host : pair_.listener_host; }
  JspConnection* find(bool of_dialer);
  void close(bool by_dialer);
  // Whatever happened is allowed to have ended the connection.
  bool may_miss_the_close() const;
  bool may_be_lost() const { return plan_.is_rough || is_cut_short_; }

  const ScenarioPlan& plan_;
  SeededRandom random_;
  crypto::TicketIssuer tickets_;
  JspPair pair_;
  Nat* nat_ = nullptr;
  Ledger ledger_;
  ScenarioResult result_;
  bool is_cut_short_ = false;
  bool is_working_ = false;
};

void ScenarioRun::prepare() {
  if (plan_.has_nat) place_nat();
  for (Host* const host : {&pair_.dialer_machine, &pair_.listener_machine}) {
    host->set_batches_input(plan_.batches_input);
    host->fail_sends_at_random(plan_.send_error, plan_.send_failures);
  }
  pair_.dialer_machine.jump_wall_clock(plan_.dialer_clock_error);
  SeededRandom random(plan_.pair.seed);
  const std::uint64_t dialer_seed = random();
  const std::uint64_t listener_seed = random();
  pair_.listener_host.admits = plan_.admission_delay == 0s;
  pair_.listener_host.on_accepted = [this, listener_seed](JspConnection& connection) {
    if (plan_.admission_delay > 0s) admit_later(connection);
    if (std::exchange(is_working_, true)) return;
    connection.application = std::make_unique<Worker>(Role::Listener, plan_.listener, ledger_, listener_seed);
  };
  if (plan_.ticket != TicketPlan::None) pair_.config.dialer.handshake.ticket = make_ticket();
  pair_.dial();
  pair_.dialer().application = std::make_unique<Worker>(Role::Dialer, plan_.dialer, ledger_, dialer_seed);
  if (plan_.dialer.is_early) pair_.dialer_host.command(pair_.dialer(), [](Now, jsp::Connection&) {});
}

JspPairConfig ScenarioRun::with_tickets(JspPairConfig config) {
  if (plan_.ticket == TicketPlan::None) return config;
  config.listener.handshake.tickets = &tickets_;
  config.listener.handshake.is_admitted_early = [](const crypto::PeerId&) { return true; };
  config.dialer.handshake.expected_peer = config.listener.handshake.identity->peer_id();
  return config;
}

// As if there had been a connection before.
std::shared_ptr<const crypto::ResumptionTicket> ScenarioRun::make_ticket() {
  const session::Session listener(Role::Listener, plan_.pair.listener.session, TimePoint{});
  const Bytes limits = session::encode_parameters(listener.local_parameters());
  crypto::SecretBytes resumption(32);
  random_.fill(resumption.bytes());
  crypto::TicketIssuer other({}, random_);
  crypto::TicketIssuer& issuer = plan_.ticket == TicketPlan::Good ? tickets_ : other;
  auto ticket = std::make_shared<crypto::ResumptionTicket>();
  ticket->ticket = issuer.issue(pair_.listener_host.now().wall,
                                {.peer = plan_.pair.dialer.handshake.identity->peer_id(),
                                 .version = 1,
                                 .suite = crypto::Suite::Aes256Gcm,
                                 .session_parameters = limits},
                                resumption);
  ticket->secret = *crypto::derive_ticket_secret(resumption, ticket->ticket);
  ticket->listener = plan_.pair.listener.handshake.identity->peer_id();
  ticket->version = 1;
  ticket->session_parameters = limits;
  ticket->expires = pair_.dialer_host.now().wall + 1h;
  return ticket;
}

void ScenarioRun::admit_later(JspConnection& connection) {
  pair_.network.after(plan_.admission_delay, [this, &connection] {
    if (connection.is_over()) return;
    if (!connection.engine().is_established()) return admit_later(connection);
    pair_.listener_host.command(connection, [](Now now, jsp::Connection& engine) { engine.admit(now); });
  });
}

void ScenarioRun::place_nat() {
  nat_ = &pair_.network.add_nat("nat", {.external = kNatAddress});
  const IpEndpoint inside = JspPair::dialer_address(0);
  const Duplex link = pair_.links.front();
  pair_.network.set_route(inside, JspPair::kListener, {&link.there, nat_});
  for (const IpEndpoint& outside : {kNatAddress, kOtherNatAddress}) {
    pair_.network.set_route(JspPair::kListener, outside, {nat_, &link.back});
  }
}

bool ScenarioRun::run_until(const std::function<bool()>& is_done, Duration limit) {
  return pair_.run_until(
      [&] {
        if (pair_.network.events_handled() > kEventsMax)
          throw ScenarioFailure("it never ends: too many events");
        return is_done();
      },
      limit);
}

ScenarioResult ScenarioRun::run() {
  try {
    go();
  } catch (const std::exception& error) {
    result_.failure = error.what();
  }
  result_.trace = pair_.network.trace().to_text();
  result_.fingerprint = pair_.network.fingerprint();
  result_.events = pair_.network.events_handled();
  result_.elapsed = pair_.network.elapsed();
  return result_;
}

void ScenarioRun::go() {
  schedule_mishaps();
  connect();
  const auto is_done = [this] { return is_any_over() || ledger_.is_complete(); };
  if (result_.was_connected) {
    const bool is_finished = run_until(is_done, kWorkLimit);
    result_.was_complete = ledger_.is_complete();
    if (!is_finished && !may_be_lost()) throw ScenarioFailure("not all has arrived:\n" + ledger_.missing());
    // Nobody asked for an end, and the network is no reason for one.
    if (!result_.was_complete && !may_be_lost()) {
      throw ScenarioFailure("the connection was lost:" + reasons() + "\n" + ledger_.missing());
    }
  }
  end();
}

void ScenarioRun::connect() {
  run_until([this] { return pair_.dialer().is_over() || pair_.dialer().is_admitted(); }, 1min);
  result_.was_connected = !pair_.dialer().is_over();
  if (result_.was_connected || may_be_lost()) return;
  const auto* const failed = pair_.dialer().find_event<session::HandshakeFailed>();
  throw ScenarioFailure(std::format("the handshake fails: {}{}{}",
                                    failed == nullptr ? "" : failed->error.reason, reasons(),
                                    describe_listener()));
}

std::string ScenarioRun::describe_listener() {
  const jsp::EndpointStatistics statistics = pair_.listener_host.endpoint().statistics();
  return std::format("; listener: {} dropped, {} Retries, {} connections, {} half-open",
                     statistics.datagrams_dropped, statistics.retries_sent, statistics.connections,
                     statistics.half_open);
}

// How it ended, as each side has it.
std::string ScenarioRun::reasons() const {
  std::string text;
  for (const JspHost* const host : {&pair_.dialer_host, &pair_.listener_host}) {
    const JspConnection* const connection = host->last_connection();
    const auto* const reason = connection == nullptr ? nullptr : connection->close_reason();
    text += reason == nullptr ? " [not closed]"
                              : std::format(" [by {}, code {}, {}]", static_cast<int>(reason->by),
                                            reason->code, reason->text);
  }
  return text;
}

// ---- mishaps ----

void ScenarioRun::schedule_mishaps() {
  for (const ScheduledMishap& mishap : plan_.mishaps) {
    pair_.network.after(mishap.at, [this, &mishap] { happen(mishap); });
  }
}

void ScenarioRun::happen(const ScheduledMishap& mishap) {
  // Whatever comes in the middle of the handshake may end it, and the dialer tries again.
  if (!result_.was_connected || ends_connections(mishap.mishap)) is_cut_short_ = true;
  if (mishap.mishap == Mishap::CloseInTheMiddle) return close(mishap.by_dialer);
  if (!give_command(mishap)) befall(mishap);
}

// What the application does; false: it is not that.
bool ScenarioRun::give_command(const ScheduledMishap& mishap) {
  const auto command = [&](bool to_dialer, const auto& give) {
    JspConnection* const connection = find(to_dialer);
    if (connection != nullptr) host_of(to_dialer).command(*connection, give);
    return true;
  };
  switch (mishap.mishap) {
    case Mishap::DialerMigrates:
      return command(
          true, [](Now now, jsp::Connection& engine) { engine.migrate(now, JspPair::dialer_address(1)); });
    case Mishap::PathOpens:
      return command(true, [](Now now, jsp::Connection& engine) {
        engine.open_path(now, JspPair::dialer_address(1), JspPair::kListener);
      });
    case Mishap::PathAbandoned:
      return !has_second_path() ||
             command(mishap.by_dialer, [](Now now, jsp::Connection& engine) { engine.abandon_path(now, 0); });
    case Mishap::NetworkStatus:
      return command(mishap.by_dialer, [&](Now now, jsp::Connection& engine) {
        const auto status =
            mishap.duration > 1s ? session::NetworkStatus::Cellular : session::NetworkStatus::Wifi;
        engine.set_network_status(now, status, mishap.at > 100ms);
      });
    case Mishap::KeysUpdate:
      return command(mishap.by_dialer, [](Now now, jsp::Connection& engine) { engine.update_keys(now); });
    default:
      return false;
  }
}

// What the network and the machines do.
void ScenarioRun::befall(const ScheduledMishap& mishap) {
  Host& machine = host_of(mishap.by_dialer).host();
  switch (mishap.mishap) {
    case Mishap::NatRebinds:
      return nat_->rebind();
    case Mishap::NatMoves:
      return nat_->rebind(kOtherNatAddress);
    case Mishap::FirstPathBreaks:
      if (has_second_path()) pair_.dialer_machine.set_interface_up(0, false);
      return;
    case Mishap::InterfaceDown:
      machine.set_interface_up(0, false);
      return pair_.network.after(mishap.duration, [&machine] { machine.set_interface_up(0, true); });
    case Mishap::RouteChanges:
      pair_.links.front().there.reconfigure(mishap.link);
      return pair_.links.front().back.reconfigure(mishap.link);
    case Mishap::SendsFail:
      return machine.fail_sends(mishap.send_error, mishap.duration);
    case Mishap::Sleep:
      return machine.suspend(mishap.duration, mishap.sleeping_clock);
    case Mishap::SleepForAnHour:
      return machine.suspend(kLongSleep, mishap.sleeping_clock);
    case Mishap::WallClockJumps:
      return machine.jump_wall_clock(mishap.duration > 1s ? 1h : -1h);
    case Mishap::EngineClockJumps:
      return machine.jump_engine_clock(1s);
    case Mishap::EngineClockLeaps:
      return machine.jump_engine_clock(1h);
    case Mishap::ListenerRestarts:
      return pair_.listener_host.restart();
    case Mishap::DialerVanishes:
      return pair_.dialer_host.restart();
    default:
      return;
  }
}

// Only what has a second path may lose its first.
bool ScenarioRun::has_second_path() {
  if (pair_.dialer().is_over()) return false;
  const auto paths = pair_.dialer().engine().paths();
  return std::ranges::any_of(paths,
                             [](const jsp::PathInfo& path) { return path.id != 0 && path.is_validated; });
}

// Null: there is none, or it is over.
JspConnection* ScenarioRun::find(bool of_dialer) {
  if (!of_dialer && !pair_.has_listener()) return nullptr;
  JspConnection& connection = of_dialer ? pair_.dialer() : pair_.listener();
  return connection.is_over() ? nullptr : &connection;
}

void ScenarioRun::close(bool by_dialer) {
  JspConnection* const connection = find(by_dialer);
  if (connection == nullptr) return;
  host_of(by_dialer).command(
      *connection, [](Now now, jsp::Connection& engine) { engine.close(now, kCloseCode, "enough"); });
}

// ---- the end ----

// A close is repeated for three seconds: where less than that comes through the idle timeout tells. A path
// that has just changed needs its time to be found.
bool ScenarioRun::may_miss_the_close() const {
  Duration trouble_ends{0};
  const auto consider = [&](const LinkConfig& link) {
    for (const Outage& outage : link.outages) trouble_ends = std::max(trouble_ends, outage.until);
  };
  consider(plan_.pair.there);
  consider(plan_.pair.back);
  for (const auto& [there, back] : plan_.pair.more_paths) {
    consider(there);
    consider(back);
  }
  for (const ScheduledMishap& mishap : plan_.mishaps) {
    trouble_ends = std::max(trouble_ends, mishap.at + mishap.duration);
  }
  return plan_.is_rough || pair_.network.elapsed() < trouble_ends + kRecovery;
}

void ScenarioRun::end() {
  const bool was_whole = result_.was_complete && !is_any_over() && !is_cut_short_;
  const bool has_to_be_told = was_whole && !may_miss_the_close();
  close(plan_.closes_by_dialer || find(false) == nullptr);
  if (!run_until([this] { return pair_.is_over(); }, kLongSleep + kEndLimit)) {
    throw ScenarioFailure("the connection does not come to its end");
  }
  pair_.run_for(1min);
  if (pair_.network.packets_under_way() > 0) throw ScenarioFailure("something is still being sent");
  if (!has_to_be_told) return;
  const JspConnection& other = plan_.closes_by_dialer ? pair_.listener() : pair_.dialer();
  const auto* const reason = other.close_reason();
  const bool is_told =
      reason != nullptr && reason->by == session::CloseReason::By::Peer && reason->code == kCloseCode;
  if (!is_told) throw ScenarioFailure("the other side was not told of the close:" + reasons());
}

const char* name_of(Mishap mishap) {
  constexpr std::array kNames = {"none",
                                 "NAT rebinds",
                                 "NAT moves",
                                 "dialer migrates",
                                 "second path opens",
                                 "first path breaks",
                                 "first path abandoned",
                                 "interface down",
                                 "route changes",
                                 "sends fail",
                                 "sleep",
                                 "sleep for an hour",
                                 "wall clock jumps",
                                 "engine clock jumps",
                                 "engine clock leaps",
                                 "network status",
                                 "keys update",
                                 "close",
                                 "listener restarts",
                                 "dialer vanishes"};
  return kNames.at(static_cast<std::size_t>(mishap));
}

std::string describe_link(const LinkConfig& link) {
  const auto milliseconds = [](Duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
  };
  std::string text = std::format("{:.3g} ms", milliseconds(link.delay));
  if (link.rate > 0) text += std::format(", {} B/s, queue {} B", link.rate, link.queue.limit_bytes);
  if (link.rate > 0 && link.queue.discipline == QueueDiscipline::CoDel) text += " CoDel";
  if (link.queue.marks_ecn) text += " marks";
  if (link.loss > 0) text += std::format(", loss {:.2g} %", link.loss * 100);
  if (link.burst_loss.enter > 0) text += std::format(", bursts {:.2g} %", link.burst_loss.enter * 100);
  if (link.jitter > 0ns)
    text +=
        std::format(", jitter {:.3g} ms{}", milliseconds(link.jitter), link.keeps_order ? "" : " unordered");
  if (link.reordering > 0) text += std::format(", reordering {:.2g} %", link.reordering * 100);
  if (link.duplication > 0) text += std::format(", duplication {:.2g} %", link.duplication * 100);
  if (link.corruption > 0) text += std::format(", corruption {:.2g} %", link.corruption * 100);
  text += std::format(", MTU {}", link.mtu);
  if (link.mtu_hole)
    text += std::format(" ({} from {:.3g} ms)", link.mtu_hole->mtu, milliseconds(link.mtu_hole->from));
  for (const Outage& outage : link.outages) {
    text += std::format(", out {:.4g} to {:.4g} ms", milliseconds(outage.from), milliseconds(outage.until));
  }
  if (link.ecn != EcnTreatment::Pass) text += std::format(", ECN treatment {}", static_cast<int>(link.ecn));
  return text;
}

std::string describe_side(const SidePlan& side, const jsp::JspConfig& config) {
  std::uint64_t bytes = 0;
  for (const StreamPlan& stream : side.streams) bytes += stream.bytes + stream.answer_bytes;
  return std::format("{}, {} streams of {} bytes, {} messages, {} datagrams",
                     jsp::algorithm_name(config.congestion.algorithm), side.streams.size(), bytes,
                     side.messages.size(), side.datagrams.size());
}

}  // namespace

std::string ScenarioPlan::describe() const {
  std::string text = std::format("{}network: there {}; back {}\n", is_rough ? "rough " : "",
                                 describe_link(pair.there), describe_link(pair.back));
  for (const auto& [there, back] : pair.more_paths) {
    text += std::format("second path: there {}; back {}\n", describe_link(there), describe_link(back));
  }
  text += std::format("dialer: {}; listener: {}\n", describe_side(dialer, pair.dialer),
                      describe_side(listener, pair.listener));
  if (ticket != TicketPlan::None)
    text += ticket == TicketPlan::Good ? "with a ticket\n" : "with a ticket of another listener\n";
  for (const ScheduledMishap& mishap : mishaps) {
    text += std::format("{} of the {} at {} ms, {} ms", name_of(mishap.mishap),
                        mishap.by_dialer ? "dialer" : "listener", mishap.at / 1ms, mishap.duration / 1ms);
    if (mishap.mishap == Mishap::SendsFail) text += std::format(", {}", to_text(mishap.send_error));
    if (mishap.mishap == Mishap::RouteChanges) text += ": " + describe_link(mishap.link);
    text += '\n';
  }
  if (send_failures > 0)
    text += std::format("sends fail: {:.2g} %, {}\n", send_failures * 100, to_text(send_error));
  return text;
}

ScenarioResult run_scenario(const ScenarioPlan& plan) { return ScenarioRun(plan).run(); }

}  // namespace jetway::sim
