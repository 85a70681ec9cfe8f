#pragma once

#include <cstdint>
#include <optional>

// The two state machines of a stream direction, RFC 9000 sections 3.1 and 3.2. nullopt: no arrow; whether
// that is our bug or the peer's is for the caller to say.
namespace jetway::session {

//   Ready --Data--> Send --Final--> DataSent --AllAcked--> DataReceived
//     |              |                 |
//     +----Reset-----+------Reset------+--> ResetSent --ResetAcked--> ResetReceived
//
// Final also leaves Ready: a stream may be empty. Restart leads back from Send and DataSent to Ready: a
// listener has dropped the early data.
enum class SendState : std::uint8_t { Ready, Send, DataSent, DataReceived, ResetSent, ResetReceived };
enum class SendEvent : std::uint8_t {
  Data,        // a STREAM frame has been sent
  Final,       // one with the end of the stream has been sent
  Reset,       // we give up
  AllAcked,    // the peer has all of it, and the end
  ResetAcked,  // the peer knows that we gave up
  Restart,     // the peer has dropped all that was sent
};

constexpr std::optional<SendState> next(SendState from, SendEvent event) {
  using enum SendState;
  const bool is_open = from == Ready || from == Send;
  switch (event) {
    case SendEvent::Data:
      if (is_open) return Send;
      break;
    case SendEvent::Final:
      if (is_open) return DataSent;
      break;
    case SendEvent::Reset:
      if (is_open || from == DataSent) return ResetSent;
      break;
    case SendEvent::AllAcked:
      if (from == DataSent) return DataReceived;
      break;
    case SendEvent::ResetAcked:
      if (from == ResetSent) return ResetReceived;
      break;
    case SendEvent::Restart:
      if (from == Send || from == DataSent) return Ready;
      break;
  }
  return std::nullopt;
}

constexpr bool is_terminal(SendState state) {
  return state == SendState::DataReceived || state == SendState::ResetReceived;
}

//   Receive --Final--> SizeKnown --AllData--> DataReceived --Read--> DataRead
//      |                   |
//      +------Reset--------+--> ResetReceived --Read--> ResetRead
//
// A reset that comes when all data is there already changes nothing (section 3.2 leaves that to us).
enum class ReceiveState : std::uint8_t {
  Receive,
  SizeKnown,
  DataReceived,
  DataRead,
  ResetReceived,
  ResetRead
};
enum class ReceiveEvent : std::uint8_t {
  Final,    // the final size has become known
  AllData,  // nothing is missing before it
  Reset,    // RESET_STREAM
  Read,     // the application has been told of the end, or does not want to know
};

constexpr std::optional<ReceiveState> next(ReceiveState from, ReceiveEvent event) {
  using enum ReceiveState;
  switch (event) {
    case ReceiveEvent::Final:
      if (from == Receive) return SizeKnown;
      break;
    case ReceiveEvent::AllData:
      if (from == SizeKnown) return DataReceived;
      break;
    case ReceiveEvent::Reset:
      if (from == Receive || from == SizeKnown) return ResetReceived;
      break;
    case ReceiveEvent::Read:
      if (from == DataReceived) return DataRead;
      if (from == ResetReceived) return ResetRead;
      break;
  }
  return std::nullopt;
}

constexpr bool is_terminal(ReceiveState state) {
  return state == ReceiveState::DataRead || state == ReceiveState::ResetRead;
}

}  // namespace jetway::session
