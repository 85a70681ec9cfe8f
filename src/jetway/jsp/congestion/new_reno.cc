#include "jetway/jsp/congestion/new_reno.h"

namespace jetway::jsp {

NewReno::NewReno(const CongestionConfig& config, std::size_t max_datagram_bytes)
    : WindowController(config, max_datagram_bytes) {}

void NewReno::grow(const AckSummary&, std::uint64_t acked_bytes) {
  if (is_slow_start()) {
    add_to_window(acked_bytes);
    return;
  }
  acked_bytes_ += acked_bytes;
  while (acked_bytes_ >= window()) {
    acked_bytes_ -= window();
    add_to_window(datagram_bytes());
  }
}

// RFC 9002 appendix B.1: kLossReductionFactor is a half.
std::uint64_t NewReno::reduced_window(TimePoint) {
  acked_bytes_ = 0;
  return window() / 2;
}

}  // namespace jetway::jsp
