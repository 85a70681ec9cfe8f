#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apps/jetway/reporter.h"
#include "jetway/io/connection.h"
#include "jetway/node/dial.h"
#include "jetway/node/transfer_types.h"

namespace jetway::command {

// Sentences for people. Everything foreign in them is escaped.

// "jwabcdefgh…" where the whole id would be too much.
std::string short_id(const crypto::PeerId& peer);
// "photos, notes.txt and 3 more"
std::string name_list(const std::vector<std::string>& names, bool is_cut);
// "12 files, 1.20 GB", with what is known
std::string amount_text(const node::OfferSummary& offer);

// "sent 12 files, 1.20 GB in 10.2 s, 117 MB/s; 312 MB resumed; jsp, RTT 12.3 ms, 0.4 % lost, 37 repaired,
// limited by congestion; X25519+ML-KEM-768, AES-256-GCM; root 4f..."
std::string result_line(Side side, const node::TransferSummary& summary, const io::ConnectionInfo& connection,
                        std::optional<session::LimitedBy> limited);
// "connected to jw... at tcp://192.0.2.7:4717 (X25519+ML-KEM-768, AES-256-GCM)"
std::string connected_line(const io::ConnectionInfo& connection);

std::string unknown_peer_question(const node::UnknownPeer& unknown);
std::string admission_question(const crypto::PeerId& peer, std::string_view remote_address);
std::string accept_question(const node::OfferSummary& offer);

Problem problem_of(const node::NodeError& error);
Problem problem_of(const node::DialError& error, const std::filesystem::path& known_peers);

}  // namespace jetway::command
