#include "jetway/io/datagram_driver.h"

#include <utility>
#include <variant>

#include "jetway/io/connection_core.h"
#include "jetway/io/udp_endpoint.h"

namespace jetway::io {

DatagramDriver::DatagramDriver(std::shared_ptr<UdpEndpoint> endpoint, jsp::Connection& connection)
    : endpoint_(std::move(endpoint)), connection_(connection) {}

DatagramDriver::~DatagramDriver() { endpoint_->release(connection_); }

void DatagramDriver::settle() {
  is_settling_ = true;
  core_->settle();
  is_settling_ = false;
}

void DatagramDriver::on_progress() {
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

}  // namespace jetway::io
