#include "jetway/transfer/failure.h"

namespace jetway::transfer {

std::string_view to_string(FailureCode code) {
  switch (code) {
    case FailureCode::Failed:
      return "failed";
    case FailureCode::Refused:
      return "refused";
    case FailureCode::LimitExceeded:
      return "limit_exceeded";
    case FailureCode::BadName:
      return "bad_name";
    case FailureCode::SourceChanged:
      return "source_changed";
    case FailureCode::Integrity:
      return "integrity";
    case FailureCode::Io:
      return "io";
    case FailureCode::Cancelled:
      return "cancelled";
    case FailureCode::Protocol:
      return "protocol";
    case FailureCode::ConnectionLost:
      return "connection_lost";
    case FailureCode::Busy:
      return "busy";
  }
  return "failed";
}

}  // namespace jetway::transfer
