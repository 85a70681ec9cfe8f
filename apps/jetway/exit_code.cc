#include "apps/jetway/exit_code.h"

namespace jetway::command {

namespace {

ExitCode handshake_exit_code(const crypto::HandshakeError& error) {
  switch (error.code) {
    case crypto::HandshakeErrc::UnknownPeer:
    case crypto::HandshakeErrc::PeerMismatch:
    case crypto::HandshakeErrc::OwnIdentity:
    case crypto::HandshakeErrc::BadSignature:
    case crypto::HandshakeErrc::BadMac:
      return ExitCode::PeerRefused;
    default:
      return ExitCode::Failed;
  }
}

}  // namespace

ExitCode exit_code(const node::NodeError& error) {
  switch (error.code) {
    case node::NodeErrc::BadSetting:
    case node::NodeErrc::NoHome:
      return ExitCode::Usage;
    case node::NodeErrc::BadFile:
    case node::NodeErrc::OpenToOthers:
    case node::NodeErrc::Io:
      return ExitCode::LocalIo;
  }
  return ExitCode::Failed;
}

ExitCode exit_code(const transport::TransportError& error) {
  if (error.handshake) return handshake_exit_code(*error.handshake);
  switch (error.code) {
    case transport::TransportErrc::BadAddress:
      return ExitCode::Usage;
    case transport::TransportErrc::Refused:
      return ExitCode::PeerRefused;
    case transport::TransportErrc::AddressInUse:
    case transport::TransportErrc::PermissionDenied:
    case transport::TransportErrc::TooManyFiles:
      return ExitCode::LocalIo;
    case transport::TransportErrc::ConnectFailed:
    case transport::TransportErrc::ResolveFailed:
    case transport::TransportErrc::Timeout:
    case transport::TransportErrc::Lost:
      return ExitCode::Lost;
    case transport::TransportErrc::HandshakeFailed:
      return ExitCode::Failed;
  }
  return ExitCode::Failed;
}

}  // namespace jetway::command
