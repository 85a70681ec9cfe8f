// What does JSP cost per packet, without sockets? Two endpoints in one thread hand their datagrams to each
// other; time is virtual. Beside it the seal alone: what of it no protocol can save.

#include <array>
#include <chrono>
#include <cstdlib>

#include <benchmark/benchmark.h>

#include "bench/jsp_engine/ends.h"
#include "jetway/crypto/packet_keys.h"

namespace jetway::jsp {
namespace {

// Bytes before the sealed payload of what one end sends from now on.
class HeaderBytes {
 public:
  explicit HeaderBytes(const End& end) : end_(end), packets_(packets()), bytes_(bytes()) {}
  double per_packet() const {
    return static_cast<double>(bytes() - bytes_) / static_cast<double>(packets() - packets_);
  }

 private:
  std::uint64_t packets() const { return end_.connection->session().counters().packets_sent.value(); }
  std::uint64_t bytes() const { return end_.connection->statistics().header_bytes_sent; }

  const End& end_;
  std::uint64_t packets_;
  std::uint64_t bytes_;
};

// One stream, one way, as much as goes.
void BM_BulkStream(benchmark::State& state) {
  Ends ends({.datagram_max_bytes = static_cast<std::size_t>(state.range(0))});
  const auto stream = ends.dialer.connection->session().open_stream(session::Direction::OneWay,
                                                                    {.priority = session::Priority::Bulk});
  if (!stream) return state.SkipWithError("no stream");
  const Bytes piece(256 * 1024, std::byte{7});
  const std::uint64_t datagrams = ends.datagrams_to_listener;
  const std::uint64_t acks = ends.datagrams_to_dialer;
  const std::uint64_t bytes = ends.bytes_read;
  const HeaderBytes to_listener(ends.dialer);
  const HeaderBytes to_dialer(ends.listener);
  ends.dialer.spent = ends.listener.spent = {};
  for (auto _ : state) {
    Buffer buffer = Buffer::copy_of(piece);
    ends.write(*stream, buffer);
    ends.turn();
  }
  const auto count = static_cast<double>(ends.datagrams_to_listener - datagrams);
  const auto ns = [&](const End& end) {
    return static_cast<double>(std::chrono::nanoseconds(end.spent).count()) / count;
  };
  state.SetBytesProcessed(static_cast<std::int64_t>(ends.bytes_read - bytes));
  state.counters["datagrams"] = count;
  state.counters["sender_ns"] = ns(ends.dialer);
  state.counters["receiver_ns"] = ns(ends.listener);
  state.counters["header_to_listener"] = to_listener.per_packet();
  state.counters["header_to_dialer"] = to_dialer.per_packet();
  state.counters["acks_each"] = static_cast<double>(ends.datagrams_to_dialer - acks) / count;
}
BENCHMARK(BM_BulkStream)->ArgName("datagram")->Arg(1472)->Arg(8972)->Arg(65'507);

// Seal and open of as much as one packet carries.
void BM_SealAndOpen(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0)) - 30;
  const Bytes key(crypto::kKeyBytes, std::byte{1});
  const Bytes iv(12, std::byte{2});
  crypto::PacketKeys sealer(crypto::Suite::Aes256Gcm, key, iv);
  crypto::PacketKeys opener(crypto::Suite::Aes256Gcm, key, iv);
  const Bytes content(size, std::byte{3});
  Bytes packet(size + crypto::kTagBytes);
  const Bytes header(11, std::byte{4});
  std::uint64_t number = 0;
  for (auto _ : state) {
    const std::array<ByteView, 1> parts = {content};
    sealer.seal(number, header, parts, packet);
    if (!opener.open(number++, header, packet)) std::abort();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(size) * state.iterations());
}
BENCHMARK(BM_SealAndOpen)->ArgName("datagram")->Arg(1472)->Arg(8972)->Arg(65'507);

}  // namespace
}  // namespace jetway::jsp
