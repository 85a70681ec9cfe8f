#pragma once

#include <memory>

#include "jetway/crypto/identity.h"
#include "jetway/node/config.h"
#include "jetway/transport/transport.h"

namespace jetway::node {

// What the user's settings mean for the layers below.
transport::TransportConfig transport_config(const NetworkSettings& settings,
                                            std::shared_ptr<const crypto::Identity> identity);
TransferTuning transfer_tuning(const TransferSettings& settings);

}  // namespace jetway::node
