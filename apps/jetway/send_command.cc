#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <format>
#include <memory>
#include <optional>
#include <stop_token>
#include <system_error>
#include <vector>

#include <sys/stat.h>

#include "apps/jetway/interrupt.h"
#include "apps/jetway/messages.h"
#include "apps/jetway/program.h"
#include "apps/jetway/question.h"
#include "apps/jetway/reporters.h"
#include "jetway/base/text.h"
#include "jetway/crypto/system_random.h"
#include "jetway/io/local_address.h"
#include "jetway/node/connection_config.h"
#include "jetway/node/dial.h"
#include "jetway/node/send_job.h"
#include "jetway/node/shell.h"
#include "jetway/transport/address.h"

namespace jetway::command {

namespace {

// How long a person may think about an identity.
constexpr std::chrono::hours kIdentityPatience{1};
// After Ctrl-C: how long the orderly end of a transfer may take before the connection is closed under it.
constexpr std::chrono::seconds kInterruptGrace{3};

std::optional<Problem> check_paths(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) == 0) continue;
    return Problem{ExitCode::LocalIo,
                   std::format("cannot send {}: {}", escape_text(path), std::strerror(errno)), ""};
  }
  return std::nullopt;
}

std::expected<transport::Address, Problem> destination(const node::SendSettings& settings) {
  if (settings.to.empty()) {
    return std::unexpected(Problem{ExitCode::Usage, "where to?",
                                   "name the receiver: --to HOST, --to PEER@HOST or --to unix:///PATH"});
  }
  auto address = transport::Address::parse(settings.to);
  if (!address) {
    return std::unexpected(Problem{
        ExitCode::Usage, std::format("--to {}: {}", escape_text(settings.to), address.error().detail), ""});
  }
  return *address;
}

std::expected<std::vector<IpEndpoint>, Problem> local_addresses(const std::vector<std::string>& texts) {
  std::vector<IpEndpoint> addresses;
  for (const std::string& text : texts) {
    const auto address = io::find_local_address(text);
    if (!address && address.error() == std::errc::invalid_argument) {
      return std::unexpected(
          Problem{ExitCode::Usage, std::format("--path {}: not an address", escape_text(text)),
                  "give an IP address of this machine without a port, as `ip addr` shows it"});
    }
    if (!address) {
      return std::unexpected(
          Problem{ExitCode::Usage,
                  std::format("--path {}: this machine does not have that address", escape_text(text)),
                  "see `ip addr` for those that it has, and whether the interface is up"});
    }
    if (!std::ranges::contains(addresses, *address)) addresses.push_back(*address);
  }
  return addresses;
}

class SendCommand {
 public:
  SendCommand(Program& program, transport::Address address, std::vector<IpEndpoint> local_addresses,
              std::shared_ptr<const crypto::Identity> identity)
      : program_(program),
        address_(std::move(address)),
        local_addresses_(std::move(local_addresses)),
        identity_(std::move(identity)),
        reporters_(program, loop_) {}

  ExitCode run() { return loop_.run_until_done(send()); }

 private:
  Reporter& reporter() { return reporters_.active(); }

  io::Task<ExitCode> send() {
    reporter().on_connecting(escape_text(address_.to_text()));
    auto connection = co_await node::dial(loop_, dial_request());
    if (!connection) co_return report(problem_of(connection.error(), program_.known_peers().path()));
    reporter().on_connected(connection->info());
    if (!local_addresses_.empty() && connection->info().paths.empty())
      reporter().on_warning(
          "this connection has one path, which the system chose: --path is for JSP (--to jsp://...)");

    const auto interrupt = std::make_shared<Interrupt>();
    interrupt->on_signal = [this, &connection] {
      stop_.request_stop();
      loop_.spawn(close_after_grace(*connection));
    };
    loop_.spawn(watch_signals(loop_, interrupt));
    loop_.spawn(tick(loop_, reporter()));

    const auto observer = reporter().observe(Side::Sender, *connection);
    auto result = co_await node::run_send(loop_, *connection, request(), random_, *observer);
    interrupt->on_signal = nullptr;
    if (result) {
      co_await connection->close(0, "done");
      co_return result->left_out > 0 ? ExitCode::Failed : ExitCode::Done;
    }
    co_await connection->close(0, "transfer failed");
    const bool is_interrupted = interrupt->signal != 0;
    if (is_interrupted || transfer::is_resumable(result.error().code)) {
      reporter().on_resumable(program_.line.words, resume_command());
    }
    co_return is_interrupted ? ExitCode::Interrupted : static_cast<ExitCode>(node::exit_code(result.error()));
  }

  io::Task<void> close_after_grace(io::Connection connection) {
    co_await loop_.sleep(kInterruptGrace);
    co_await connection.close(0, "interrupted");
  }

  node::DialRequest dial_request() {
    transport::TransportConfig transport = node::transport_config(program_.config().network, identity_);
    transport.local_addresses = local_addresses_;
    transport.jsp.schedule = program_.config().send.schedule;
    return {address_, std::move(transport), program_.known_peers(),
            [this](const node::UnknownPeer& unknown) { return accept(unknown); }};
  }

  bool accept(const node::UnknownPeer& unknown) {
    if (program_.config().send.accept_new) {
      reporter().on_warning(std::format("{} is new and now known as {}",
                                        escape_text(unknown.address.to_text()), unknown.peer.to_text()));
      return true;
    }
    reporter().on_question();
    Questioner questioner;
    const bool is_accepted =
        questioner.ask(unknown_peer_question(unknown), DefaultAnswer::No, kIdentityPatience);
    reporter().on_answer();
    return is_accepted;
  }

  node::SendRequest request() {
    node::SendRequest request;
    request.paths.assign(program_.line.paths.begin(), program_.line.paths.end());
    request.outside_links = program_.config().send.outside_links;
    request.tuning = node::transfer_tuning(program_.config().transfer);
    request.stop = stop_.get_token();
    return request;
  }

  std::string resume_command() const {
    std::string command;
    for (const std::string& word : program_.line.words) {
      command += command.empty() ? "" : " ";
      command += node::shell_quoted(word);
    }
    return command;
  }

  ExitCode report(const Problem& problem) {
    reporter().on_problem(problem);
    if (problem.exit_code == ExitCode::Lost) reporter().on_resumable(program_.line.words, resume_command());
    return problem.exit_code;
  }

  Program& program_;
  transport::Address address_;
  std::vector<IpEndpoint> local_addresses_;
  std::shared_ptr<const crypto::Identity> identity_;
  crypto::SystemRandom random_;
  std::stop_source stop_;
  io::EventLoop loop_;
  Reporters reporters_;
};

}  // namespace

ExitCode run_send(Program& program) {
  end_on_signals();
  const auto address = destination(program.config().send);
  if (!address) return show_problem(program, address.error());
  if (const auto problem = check_paths(program.line.paths)) return show_problem(program, *problem);
  auto locals = local_addresses(program.config().send.path);
  if (!locals) return show_problem(program, locals.error());
  auto identity = program.load_identity();
  if (!identity) return show_problem(program, problem_of(identity.error()));
  return SendCommand{program, *address, *std::move(locals), std::move(identity->identity)}.run();
}

}  // namespace jetway::command
