#include "jetway/session/counters.h"

namespace jetway::session {

CountersSnapshot Counters::snapshot() const {
  const Duration::rep measured = rtt_nanoseconds.load(std::memory_order_relaxed);
  return {.packets_sent = packets_sent.value(),
          .packets_received = packets_received.value(),
          .bytes_sent = bytes_sent.value(),
          .bytes_received = bytes_received.value(),
          .packets_lost = packets_lost.value(),
          .stream_bytes_sent = stream_bytes_sent.value(),
          .stream_bytes_received = stream_bytes_received.value(),
          .stream_bytes_retransmitted = stream_bytes_retransmitted.value(),
          .stream_bytes_given_up = stream_bytes_given_up.value(),
          .messages_sent = messages_sent.value(),
          .messages_received = messages_received.value(),
          .messages_given_up = messages_given_up.value(),
          .datagrams_sent = datagrams_sent.value(),
          .datagrams_received = datagrams_received.value(),
          .datagrams_dropped = datagrams_dropped.value(),
          .compression_raw_bytes = compression_raw_bytes.value(),
          .compression_stored_bytes = compression_stored_bytes.value(),
          .rtt = measured < 0 ? std::nullopt : std::optional{Duration{measured}}};
}

void Counters::reset() {
  for (Counter* counter :
       {&packets_sent, &packets_received, &bytes_sent, &bytes_received, &packets_lost, &stream_bytes_sent,
        &stream_bytes_received, &stream_bytes_retransmitted, &stream_bytes_given_up, &messages_sent,
        &messages_received, &messages_given_up, &datagrams_sent, &datagrams_received, &datagrams_dropped,
        &compression_raw_bytes, &compression_stored_bytes}) {
    counter->reset();
  }
}

}  // namespace jetway::session
