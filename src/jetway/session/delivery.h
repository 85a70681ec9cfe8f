#pragma once

#include <cstdint>

namespace jetway::session {

// Whether a part has frames for the next packet, and how urgent they are: what was lost has waited longest.
enum class SendInterest : std::uint8_t { None, NewData, LostData };

// A fact that has to reach the peer: written into a packet, and into another one when that is lost, until one
// with it has been acknowledged. What is written is the newest value, so that an older packet's fate does not
// matter.
class Delivery {
 public:
  void request() { state_ = State::Wanted; }
  void cancel() { state_ = State::Idle; }
  void on_sent(std::uint64_t packet_number) {
    state_ = State::InFlight;
    packet_number_ = packet_number;
  }
  // True when this acknowledges the newest value.
  bool on_packet_acked(std::uint64_t packet_number) {
    if (state_ != State::InFlight || packet_number_ != packet_number) return false;
    state_ = State::Idle;
    return true;
  }
  // True when it has to be written again.
  bool on_packet_lost(std::uint64_t packet_number) {
    if (state_ != State::InFlight || packet_number_ != packet_number) return false;
    state_ = State::Lost;
    return true;
  }

  bool is_wanted() const { return state_ == State::Wanted || state_ == State::Lost; }
  bool is_in_flight() const { return state_ == State::InFlight; }
  SendInterest send_interest() const {
    if (state_ == State::Lost) return SendInterest::LostData;
    return state_ == State::Wanted ? SendInterest::NewData : SendInterest::None;
  }

 private:
  enum class State : std::uint8_t { Idle, Wanted, Lost, InFlight };
  State state_ = State::Idle;
  std::uint64_t packet_number_ = 0;
};

}  // namespace jetway::session
