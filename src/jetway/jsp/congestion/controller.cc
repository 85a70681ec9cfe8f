#include "jetway/jsp/congestion/controller.h"

namespace jetway::jsp {

std::string_view algorithm_name(CongestionAlgorithm algorithm) {
  switch (algorithm) {
    case CongestionAlgorithm::Bbr:
      return "bbr";
    case CongestionAlgorithm::Cubic:
      return "cubic";
    case CongestionAlgorithm::NewReno:
      return "newreno";
  }
  return "";
}

std::optional<CongestionAlgorithm> algorithm_from_name(std::string_view name) {
  for (const auto algorithm :
       {CongestionAlgorithm::Bbr, CongestionAlgorithm::Cubic, CongestionAlgorithm::NewReno}) {
    if (name == algorithm_name(algorithm)) return algorithm;
  }
  return std::nullopt;
}

std::uint64_t RateSample::rate() const {
  if (interval <= Duration::zero()) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(delivered_bytes) * 1e9 /
                                    static_cast<double>(interval.count()));
}

}  // namespace jetway::jsp
