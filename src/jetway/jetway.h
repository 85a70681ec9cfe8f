#pragma once

// The library's face: connections, streams, messages and datagrams between peers that are known by their
// keys, and the jobs that send and receive files over them. The examples/ folder shows each in a page.

#include "jetway/crypto/identity.h"       // IWYU pragma: export
#include "jetway/crypto/system_random.h"  // IWYU pragma: export
#include "jetway/io/connection.h"         // IWYU pragma: export
#include "jetway/io/event_loop.h"         // IWYU pragma: export
#include "jetway/node/receive_job.h"      // IWYU pragma: export
#include "jetway/node/send_job.h"         // IWYU pragma: export
#include "jetway/store/state_db.h"        // IWYU pragma: export
#include "jetway/transport/transport.h"   // IWYU pragma: export
