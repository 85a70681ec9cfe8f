#include "jetway/transfer/state.h"

namespace jetway::transfer {

std::string_view to_string(TransferState state) {
  switch (state) {
    case TransferState::Created:
      return "created";
    case TransferState::Preparing:
      return "preparing";
    case TransferState::Active:
      return "active";
    case TransferState::Paused:
      return "paused";
    case TransferState::Completing:
      return "completing";
    case TransferState::Completed:
      return "completed";
    case TransferState::Failed:
      return "failed";
    case TransferState::Cancelled:
      return "cancelled";
  }
  return "unknown";
}

}  // namespace jetway::transfer
