#pragma once

#include "jetway/store/error.h"
#include "jetway/transfer/failure.h"

namespace jetway::node {

// What a failure of the disk means for a transfer.
transfer::TransferFailure failure_of(const store::StoreError& error);

}  // namespace jetway::node
