#pragma once

#include "jetway/jsp/congestion/window_controller.h"

namespace jetway::jsp {

// The congestion controller of RFC 9002 section 7 and appendix B: doubles in slow start, then grows by one
// datagram per round trip, and halves when packets are lost.
class NewReno final : public WindowController {
 public:
  NewReno(const CongestionConfig& config, std::size_t max_datagram_bytes);

  CongestionAlgorithm algorithm() const override { return CongestionAlgorithm::NewReno; }

 private:
  void grow(const AckSummary& summary, std::uint64_t acked_bytes) override;
  std::uint64_t reduced_window(TimePoint now) override;
  void reset_growth() override { acked_bytes_ = 0; }

  std::uint64_t acked_bytes_ = 0;  // towards the next datagram
};

}  // namespace jetway::jsp
