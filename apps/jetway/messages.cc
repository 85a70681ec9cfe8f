#include "apps/jetway/messages.h"

#include <format>
#include <utility>

#include "apps/jetway/path_text.h"
#include "jetway/base/text.h"
#include "jetway/node/quantity.h"
#include "jetway/node/shell.h"

namespace jetway::command {

namespace {

constexpr std::size_t kNamesShown = 3;

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return std::format("{} {}", node::format_count(count), count == 1 ? one : many);
}

Problem describe_problem(const transport::TransportError& error) {
  Problem problem{exit_code(error), error.detail, ""};
  switch (error.code) {
    case transport::TransportErrc::ConnectFailed:
    case transport::TransportErrc::Timeout:
      problem.hint = "is `jetway receive` running there, and does nothing between block the port?";
      break;
    case transport::TransportErrc::Refused:
      problem.hint =
          "the receiver has to admit you: `jetway receive --allow` with the id that `jetway id` prints here";
      break;
    default:
      break;
  }
  return problem;
}

Problem describe_problem(const node::ChangedPeer& changed, const std::filesystem::path& known_peers) {
  const std::string address = escape_text(changed.address.to_text());
  Problem problem{ExitCode::PeerRefused, "", ""};
  if (!changed.remembered) {
    problem.text =
        std::format("{} is not the peer that was asked for; nothing was sent\n  expected  {}\n  answered  {}",
                    address, changed.expected.to_text(), changed.actual.to_text());
    problem.hint = "ask the other side for the line that `jetway receive` prints";
    return problem;
  }
  problem.text = std::format(
      "THE IDENTITY OF {} HAS CHANGED; nothing was sent\n  known since {}  {}\n  answers now       {}",
      address, std::format("{:%F}", changed.remembered->first_seen), changed.expected.to_text(),
      changed.actual.to_text());
  problem.hint = std::format(
      "either somebody stands between you and that machine, or it has a new key: ask its owner.\n"
      "If the new id is right, remove the line of {} from {} and send again",
      escape_text(changed.remembered->name), escape_text(known_peers.native()));
  return problem;
}

Problem describe_problem(const node::PeerNotAccepted& refused) {
  const std::string address = escape_text(refused.peer.address.to_text());
  const std::string peer = refused.peer.peer.to_text();
  return {
      ExitCode::PeerRefused,
      std::format("the peer at {} is not known here and was not accepted; nothing was sent\n  its id is {}",
                  address, peer),
      std::format("if that is the id that `jetway id` prints there: --to {}, or --accept-new",
                  node::shell_quoted(peer + "@" + refused.peer.address.to_text()))};
}

}  // namespace

std::string short_id(const crypto::PeerId& peer) { return peer.to_text().substr(0, 12) + "…"; }

std::string name_list(const std::vector<std::string>& names, bool is_cut) {
  std::string list;
  for (std::size_t i = 0; i < names.size() && i < kNamesShown; ++i) {
    const bool is_last = i + 1 == names.size() && !is_cut;
    list += i == 0 ? "" : is_last ? " and " : ", ";
    list += escape_text(names[i]);
  }
  if (names.size() > kNamesShown) {
    list += std::format(" and {}{} more", names.size() - kNamesShown, is_cut ? "+" : "");
  } else if (is_cut) {
    list += " and more";
  }
  return list;
}

std::string amount_text(const node::OfferSummary& offer) {
  std::string text;
  if (offer.files) text = counted(*offer.files, "file", "files");
  if (offer.bytes) text += std::format("{}{}", text.empty() ? "" : ", ", node::format_size(*offer.bytes));
  return text;
}

std::string result_line(Side side, const node::TransferSummary& summary, const io::ConnectionInfo& connection,
                        std::optional<session::LimitedBy> limited) {
  const double seconds = std::max(1e-6, std::chrono::duration<double>{summary.elapsed}.count());
  std::string line =
      std::format("{} {}, {} in {}, {}", side == Side::Sender ? "sent" : "received",
                  counted(summary.files, "file", "files"), node::format_size(summary.bytes_total),
                  node::format_elapsed(summary.elapsed),
                  node::format_rate(static_cast<double>(summary.bytes_moved) / seconds));
  line += std::format("; {} resumed", node::format_size(summary.bytes_already_there));
  if (summary.files_skipped > 0)
    line += std::format("; {} skipped", counted(summary.files_skipped, "file", "files"));
  if (summary.left_out > 0) line += std::format("; {} left out", node::format_count(summary.left_out));
  line += std::format("; {}; {}, {}; root {}", path_words(connection, limited), connection.key_exchange,
                      crypto::suite_name(connection.suite), summary.root.to_hex());
  return line;
}

std::string connected_line(const io::ConnectionInfo& connection) {
  return std::format("connected to {} at {} ({}, {})", short_id(connection.peer),
                     escape_text(connection.remote_address), connection.key_exchange,
                     crypto::suite_name(connection.suite));
}

std::string unknown_peer_question(const node::UnknownPeer& unknown) {
  std::string question = std::format("{} answers as\n\n    {}\n\n", escape_text(unknown.address.to_text()),
                                     unknown.peer.to_text());
  question += unknown.known_as.empty()
                  ? "You have not met this peer. Compare the id with what `jetway id` prints there.\n"
                  : std::format("You know this peer as {}.\n", escape_text(unknown.known_as));
  return question + "Trust it, and remember it for this address?";
}

std::string admission_question(const crypto::PeerId& peer, std::string_view remote_address) {
  return std::format(
      "{} wants to send, as\n\n    {}\n\n"
      "You have not taken files from this peer before. Compare the id with what `jetway id` prints there.\n"
      "Take files from it, now and later?",
      escape_text(remote_address), peer.to_text());
}

std::string accept_question(const node::OfferSummary& offer) {
  const std::string amount = amount_text(offer);
  return std::format("Accept {}{}{} from {}{}?", name_list(offer.names, offer.are_names_cut),
                     amount.empty() ? "" : ": ", amount, short_id(offer.peer),
                     offer.is_resumed ? ", continued" : "");
}

Problem problem_of(const node::NodeError& error) { return {exit_code(error), error.text, error.hint}; }

Problem problem_of(const node::DialError& error, const std::filesystem::path& known_peers) {
  return std::visit(
      [&]<class Error>(const Error& reason) -> Problem {
        if constexpr (std::is_same_v<Error, node::ChangedPeer>) {
          return describe_problem(reason, known_peers);
        } else if constexpr (std::is_same_v<Error, node::NodeError>) {
          return problem_of(reason);
        } else {
          return describe_problem(reason);
        }
      },
      error);
}

}  // namespace jetway::command
