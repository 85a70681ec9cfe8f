#include "tests/lab/linkem/link_parameters.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace jetway::lab {

namespace {

constexpr double kFullFrameBytes = 1514;
constexpr double kUnlimitedQueueBytes = 16e6;
constexpr std::size_t kUnlimitedFrames = 8192;

bool one_of(const std::string& value, const std::string& no, const std::string& yes) {
  if (value != no && value != yes) throw std::runtime_error("'" + value + "' should be " + no + " or " + yes);
  return value == yes;
}

}  // namespace

void LinkParameters::set(const std::string& specification) {
  for (const std::string& item : split(specification, ',')) {
    const auto equals = item.find('=');
    if (equals == std::string::npos) throw std::runtime_error("'" + item + "' is not key=value");
    set_one(item.substr(0, equals), item.substr(equals + 1));
  }
}

void LinkParameters::set_one(const std::string& name, const std::string& value) {
  if (name == "delay") {
    delay = parse_time(value);
  } else if (name == "jitter") {
    jitter = parse_time(value);
  } else if (name == "jitter_period") {
    jitter_period = parse_time(value);
  } else if (name == "overtake") {
    may_overtake = one_of(value, "0", "1");
  } else if (name == "rate") {
    rate = parse_bits_per_second(value);
  } else if (name == "overhead") {
    overhead_bytes = static_cast<std::uint32_t>(parse_number(value));
  } else if (name == "queue") {
    set_queue(value);
  } else if (name == "ge") {
    set_bursts(value);
  } else if (name == "reorder_by") {
    reorder_by = parse_time(value);
  } else if (name == "mtu") {
    mtu = static_cast<std::uint32_t>(parse_number(value));
  } else if (name == "outage") {
    outage_holds = one_of(value, "drop", "hold");
  } else if (!set_probability(name, value)) {
    throw std::runtime_error("unknown parameter '" + name + "'");
  }
}

bool LinkParameters::set_probability(const std::string& name, const std::string& value) {
  double* const probability = name == "loss"      ? &loss
                              : name == "dup"     ? &duplicate
                              : name == "corrupt" ? &corrupt
                              : name == "reorder" ? &reorder
                                                  : nullptr;
  if (probability == nullptr) return false;
  *probability = parse_probability(value);
  return true;
}

// "250kb" is bytes, "50ms" is time at `rate`.
void LinkParameters::set_queue(const std::string& value) {
  if (value.ends_with('s')) {
    queue_time = parse_time(value);
    queue_bytes = 0;
  } else {
    queue_bytes = parse_bytes(value);
  }
}

// P/R[/BAD[/GOOD]]; "0" switches it off.
void LinkParameters::set_bursts(const std::string& value) {
  const auto fields = split(value, '/');
  const LinkParameters defaults;
  burst_begin = defaults.burst_begin;
  burst_end = defaults.burst_end;
  loss_in_burst = defaults.loss_in_burst;
  loss_outside_burst = defaults.loss_outside_burst;
  if (fields.size() == 1 && parse_probability(fields[0]) == 0) return;
  if (fields.size() < 2 || fields.size() > 4) throw std::runtime_error("ge=P/R[/BAD[/GOOD]]");
  burst_begin = parse_probability(fields[0]);
  burst_end = parse_probability(fields[1]);
  if (fields.size() > 2) loss_in_burst = parse_probability(fields[2]);
  if (fields.size() > 3) loss_outside_burst = parse_probability(fields[3]);
}

Nanoseconds LinkParameters::delay_min() const { return std::max<Nanoseconds>(0, delay - jitter); }

Nanoseconds LinkParameters::serialization_time(std::uint32_t frame_bytes) const {
  return rate > 0 ? std::llround((frame_bytes + overhead_bytes) * 8e9 / rate) : 0;
}

double LinkParameters::queue_limit_bytes() const {
  if (queue_bytes > 0) return queue_bytes;
  if (rate == 0) return kUnlimitedQueueBytes;
  return std::max(10 * kFullFrameBytes, rate / 8e9 * static_cast<double>(queue_time));
}

std::size_t LinkParameters::frames_in_flight_max() const {
  if (rate == 0) return kUnlimitedFrames;
  const double on_the_wire = rate / 8e9 * static_cast<double>(delay + jitter);
  return static_cast<std::size_t>((queue_limit_bytes() + on_the_wire) / kFullFrameBytes) + 1;
}

}  // namespace jetway::lab
