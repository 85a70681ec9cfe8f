#include "jetway/io/datagram_driver.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "jetway/io/connection_core.h"
#include "jetway/io/udp_endpoint.h"

namespace jetway::io {

namespace {

// That one connection may be asked for; how many there are is for both ends to say (jsp::JspConfig).
constexpr std::size_t kPathsMax = 16;

}  // namespace

DatagramDriver::DatagramDriver(std::shared_ptr<UdpEndpoint> endpoint, jsp::Connection& connection)
    : endpoint_(std::move(endpoint)), connection_(connection) {}

DatagramDriver::~DatagramDriver() { endpoint_->release(connection_); }

void DatagramDriver::settle() {
  is_settling_ = true;
  core_->settle();
  is_settling_ = false;
}

void DatagramDriver::on_progress() {
  open_wanted_paths();
  while (const auto event = connection_.poll_event()) {
    core_->on_engine_event(*event);
    if (std::holds_alternative<session::Closed>(*event)) endpoint_->on_closing(*this);
  }
  if (!is_settling_) endpoint_->on_command(connection_);
}

void DatagramDriver::admit() { connection_.admit(endpoint_->loop_.now()); }

void DatagramDriver::refuse(std::string_view reason) { connection_.refuse(endpoint_->loop_.now(), reason); }

void DatagramDriver::close(std::uint64_t code, std::string_view reason) {
  connection_.close(endpoint_->loop_.now(), code, reason);
}

void DatagramDriver::set_network_status(session::NetworkStatus status, bool is_background) {
  connection_.set_network_status(endpoint_->loop_.now(), status, is_background);
}

bool DatagramDriver::open_path(const IpEndpoint& local) {
  if (wanted_paths_.size() + connection_.paths().size() >= kPathsMax) return false;
  wanted_paths_.push_back(local);
  return true;
}

void DatagramDriver::open_wanted_paths() {
  while (!wanted_paths_.empty() && !connection_.is_closed()) {
    const Now now = endpoint_->loop_.now();
    if (!connection_.open_path(now, wanted_paths_.front(), connection_.paths().front().remote)) return;
    wanted_paths_.erase(wanted_paths_.begin());
    endpoint_->on_command(connection_);
  }
}

void DatagramDriver::abort() {
  if (is_finished_) return;
  connection_.close(endpoint_->loop_.now(), 0, "given up");
  core_->settle();
  finish();
}

// The peer's goodbye is answered once, and that has been sent. Ours goes again until the peer has answered,
// so that it does not wait for somebody who has gone: a process that ends with close() has said it for
// certain.
bool DatagramDriver::is_over() const {
  const auto& reason = core_->close_reason();
  return connection_.is_closed() || reason->by != session::CloseReason::By::Us;
}

void DatagramDriver::finish() {
  if (std::exchange(is_finished_, true)) return;
  core_->on_driver_done();
  endpoint_->detach(connection_);  // perhaps the end of this
}

PipeNames DatagramDriver::names() const {
  PipeNames names{.transport = "jsp", .local_address = {}, .remote_address = {}};
  const auto paths = connection_.paths();
  if (paths.empty()) return names;
  names.local_address = "jsp://" + paths.front().local.to_text();
  names.remote_address = "jsp://" + paths.front().remote.to_text();
  return names;
}

std::vector<PathSummary> DatagramDriver::paths() const {
  std::vector<PathSummary> summaries;
  const auto add = [&summaries](const jsp::PathInfo& path) {
    const jsp::PathStatistics& statistics = path.statistics;
    summaries.push_back({.local_address = path.local.to_text(),
                         .remote_address = path.remote.to_text(),
                         .state = jsp::path_state_name(path.state),
                         .rtt = statistics.smoothed_rtt,
                         .packets_sent = statistics.packets_sent,
                         .packets_lost = statistics.packets_lost - statistics.spurious_losses,
                         .bytes_sent = statistics.bytes_sent});
  };
  std::ranges::for_each(connection_.paths(), add);
  std::ranges::for_each(connection_.former_paths(), add);
  return summaries;
}

}  // namespace jetway::io
