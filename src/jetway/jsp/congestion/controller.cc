#include "jetway/jsp/congestion/controller.h"

#include "jetway/jsp/congestion/bbr.h"
#include "jetway/jsp/congestion/cubic.h"
#include "jetway/jsp/congestion/new_reno.h"

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

std::unique_ptr<CongestionController> make_controller(const CongestionConfig& config,
                                                      std::size_t max_datagram_bytes, TimePoint now,
                                                      std::uint64_t random_seed) {
  switch (config.algorithm) {
    case CongestionAlgorithm::Bbr:
      return std::make_unique<Bbr>(config, max_datagram_bytes, now, random_seed);
    case CongestionAlgorithm::Cubic:
      return std::make_unique<Cubic>(config, max_datagram_bytes);
    case CongestionAlgorithm::NewReno:
      break;
  }
  return std::make_unique<NewReno>(config, max_datagram_bytes);
}

}  // namespace jetway::jsp
