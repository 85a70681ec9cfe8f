#include "apps/jetway/path_text.h"

#include <algorithm>
#include <format>
#include <utility>

#include "jetway/base/text.h"
#include "jetway/node/quantity.h"

namespace jetway::command {

namespace {

// "0 %", "0.03 %", "1.2 %", "23 %"
std::string share_text(double share) {
  const double percent = share * 100;
  if (percent == 0) return "0 %";
  return percent < 1 ? std::format("{:.2f} %", percent)
                     : std::format("{:.{}f} %", percent, percent < 10 ? 1 : 0);
}

std::string limit_text(std::optional<session::LimitedBy> limit) {
  return limit ? std::format(", limited by {}", session::limited_by_name(*limit)) : std::string{};
}

std::string loss_text(const io::PathSummary& path) {
  if (path.packets_sent == 0) return "0 %";
  return share_text(static_cast<double>(path.packets_lost) / static_cast<double>(path.packets_sent));
}

// " over 2 paths (10.0.0.1: 60.1 MB, RTT 12.3 ms, 0 % lost; 10.0.1.1: ...)"
std::string several_words(const std::vector<io::PathSummary>& paths) {
  std::string each;
  for (const io::PathSummary& path : paths) {
    each += std::format("{}{}: {}", each.empty() ? "" : "; ", path.local_address,
                        node::format_size(path.bytes_sent));
    if (path.rtt) each += std::format(", RTT {}", rtt_text(*path.rtt));
    each += std::format(", {} lost", loss_text(path));
    if (path.state != "ready") each += std::format(", {}", path.state);
  }
  return std::format(" over {} paths ({})", paths.size(), each);
}

}  // namespace

void LimitTally::add(std::optional<session::LimitedBy> limit) {
  if (limit) ++counts_.at(std::to_underlying(*limit));
}

std::optional<session::LimitedBy> LimitTally::most() const {
  const auto* const most = std::ranges::max_element(counts_);
  if (*most == 0) return std::nullopt;
  return static_cast<session::LimitedBy>(most - counts_.begin());
}

std::string rtt_text(Duration rtt) {
  const double milliseconds = std::chrono::duration<double, std::milli>{rtt}.count();
  if (milliseconds >= 1000) return std::format("{:.1f} s", milliseconds / 1000);
  return std::format("{:.{}f} ms", milliseconds, milliseconds < 1 ? 2 : milliseconds < 100 ? 1 : 0);
}

std::string path_words(const io::ConnectionInfo& connection, std::optional<session::LimitedBy> limited) {
  const session::PathStatistics& path = connection.path;
  std::string words = connection.transport;
  if (connection.paths.size() > 1) return words + several_words(connection.paths) + limit_text(limited);
  if (path.rtt) words += std::format(", RTT {}", rtt_text(*path.rtt));
  if (const auto loss = path.loss()) words += std::format(", {} lost", share_text(*loss));
  if (path.packets_repaired)
    words += std::format(", {} repaired", node::format_count(*path.packets_repaired));
  return words + limit_text(limited);
}

std::string path_line(const io::ConnectionInfo& connection, std::optional<session::LimitedBy> limited) {
  const session::PathStatistics& path = connection.path;
  std::string line = std::format("path {} {} to {}:", connection.transport, connection.local_address,
                                 escape_text(connection.remote_address));
  std::string parts;
  const auto add = [&parts](const std::string& part) { parts += (parts.empty() ? " " : ", ") + part; };
  if (path.paths > 1) add(std::format("{} paths", path.paths));
  if (path.rtt) add(std::format("RTT {}", rtt_text(*path.rtt)));
  if (path.min_rtt) parts += std::format(" (least {})", rtt_text(*path.min_rtt));
  if (const auto loss = path.loss()) add(std::format("{} lost", share_text(*loss)));
  if (path.bytes_retransmitted)
    add(std::format("{} sent again", node::format_size(*path.bytes_retransmitted)));
  if (path.packets_repaired)
    add(std::format("{} packets repaired", node::format_count(*path.packets_repaired)));
  if (path.congestion_window_bytes)
    add(std::format("window {}", node::format_size(*path.congestion_window_bytes)));
  if (path.pacing_bytes_per_second)
    add(std::format("paced at {}", node::format_rate(static_cast<double>(*path.pacing_bytes_per_second))));
  if (path.mtu_bytes) add(std::format("packets of {} bytes", node::format_count(*path.mtu_bytes)));
  line += parts + limit_text(limited);
  if (connection.paths.size() < 2) return line;
  for (const io::PathSummary& each : connection.paths) {
    line += std::format("\n  {} to {}: {}, {} sent", each.local_address, escape_text(each.remote_address),
                        each.state, node::format_size(each.bytes_sent));
    if (each.rtt) line += std::format(", RTT {}", rtt_text(*each.rtt));
    line += std::format(", {} lost", loss_text(each));
  }
  return line;
}

}  // namespace jetway::command
