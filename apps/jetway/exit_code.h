#pragma once

#include "jetway/node/error.h"
#include "jetway/transport/transport.h"

namespace jetway::command {

// What the process tells its caller (docs/guide/exit-codes.md).
enum class ExitCode : int {
  Done = 0,
  Failed = 1,       // anything without a code of its own
  Usage = 2,        // a flag, a value, the configuration file
  PeerRefused = 3,  // refused by the peer or by us, or not the peer that was expected
  Integrity = 4,    // what arrived is not what was sent
  Lost = 5,         // the connection went away; the same command continues
  LocalIo = 6,      // disk, permission, port
  Interrupted = 130,
};

ExitCode exit_code(const node::NodeError& error);
ExitCode exit_code(const transport::TransportError& error);

}  // namespace jetway::command
