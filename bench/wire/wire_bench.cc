// What do the packet codec and the messages cost beside a plain copy of the same bytes?

#include <cstring>
#include <vector>

#include <benchmark/benchmark.h>

#include "jetway/wire/cbor.h"
#include "jetway/wire/frame.h"
#include "jetway/wire/packet_decoder.h"

namespace jetway::wire {
namespace {

void sizes(benchmark::internal::Benchmark* bench) {
  for (const int size : {64, 1 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}) bench->Arg(size);
}

void count_bytes(benchmark::State& state) { state.SetBytesProcessed(state.iterations() * state.range(0)); }

// The limit: every byte is moved once.
void BM_Memcpy(benchmark::State& state) {
  const Bytes from(static_cast<std::size_t>(state.range(0)), std::byte{1});
  Bytes to(from.size());
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}
BENCHMARK(BM_Memcpy)->Apply(sizes);

// Header and payload into the memory that goes to the pipe.
void BM_PacketEncode(benchmark::State& state) {
  const Bytes payload(static_cast<std::size_t>(state.range(0)), std::byte{1});
  Bytes pipe(kPacketHeaderBytes + payload.size());
  for (auto _ : state) {
    const auto header = encode_packet_header({.flags = {.is_sealed = true}, .payload_bytes = payload.size()});
    copy_bytes(pipe, header);
    copy_bytes(MutableBytes{pipe}.subspan(kPacketHeaderBytes), payload);
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}
BENCHMARK(BM_PacketEncode)->Apply(sizes);

// A pipe that is read 256 KiB at a time: the copy stands for the kernel's, the rest is ours.
void BM_PacketDecode(benchmark::State& state) {
  const auto payload_bytes = static_cast<std::size_t>(state.range(0));
  Bytes one = to_bytes(encode_packet_header({.flags = {}, .payload_bytes = payload_bytes}));
  one.resize(one.size() + payload_bytes, std::byte{1});
  Bytes pipe;
  const std::size_t packets = std::max<std::size_t>(1, (256 << 10) / one.size());
  for (std::size_t i = 0; i < packets; ++i) pipe.insert(pipe.end(), one.begin(), one.end());
  PacketDecoder decoder{kPacketPayloadMaxBytes};
  std::size_t decoded = 0;
  for (auto _ : state) {
    for (ByteView left = pipe; !left.empty();) {
      const MutableBytes room = decoder.prepare();
      const std::size_t count = std::min(room.size(), left.size());
      copy_bytes(room, left.first(count));
      decoder.commit(count);
      left = left.subspan(count);
      while (auto packet = *decoder.poll()) decoded += packet->payload.size();
    }
  }
  benchmark::DoNotOptimize(decoded);
  state.SetBytesProcessed(static_cast<std::int64_t>(decoded));
}
BENCHMARK(BM_PacketDecode)->Apply(sizes);

void BM_StreamFrameEncode(benchmark::State& state) {
  const Bytes data(static_cast<std::size_t>(state.range(0)), std::byte{1});
  Bytes packet(data.size() + 32);
  for (auto _ : state) {
    Writer out{packet};
    encode_frame(out, StreamFrame{.stream_id = 4, .offset = 1 << 20, .is_final = false, .data = data});
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}
BENCHMARK(BM_StreamFrameEncode)->Apply(sizes);

// Frames as they come in a packet of an interactive connection.
void BM_ControlFramesDecode(benchmark::State& state) {
  Bytes packet(1200);
  Writer out{packet};
  std::int64_t frames = 0;
  while (out.remaining() > 64) {
    encode_frame(out, MaxStreamDataFrame{4, 1 << 20});
    encode_frame(
        out, StreamFrame{.stream_id = 8, .offset = 77, .is_final = true, .data = ByteView{packet}.first(16)});
    encode_frame(out, PingFrame{1});
    frames += 3;
  }
  const ByteView payload = out.written();
  for (auto _ : state) {
    Reader in{payload};
    while (!in.is_empty()) benchmark::DoNotOptimize(decode_frame(in));
  }
  state.SetItemsProcessed(state.iterations() * frames);
}
BENCHMARK(BM_ControlFramesDecode);

// A control message with a list of hashes, as a transfer sends them.
Bytes message_of(std::size_t hashes) {
  const Bytes hash(32, std::byte{7});
  CborWriter out;
  out.map([&] {
    out.key(1).uint(1'000'000);
    out.key(2).text("a/path/of/ordinary/length.txt");
    out.key(3).array([&] {
      for (std::size_t i = 0; i < hashes; ++i) out.bytes(hash);
    });
  });
  return out.take();
}

void BM_MessageEncode(benchmark::State& state) {
  std::size_t size = 0;
  for (auto _ : state) size = message_of(static_cast<std::size_t>(state.range(0))).size();
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}
BENCHMARK(BM_MessageEncode)->Arg(0)->Arg(16)->Arg(1024);

void BM_MessageDecode(benchmark::State& state) {
  const Bytes message = message_of(static_cast<std::size_t>(state.range(0)));
  std::size_t bytes = 0;
  for (auto _ : state) {
    CborReader in{message};
    in.map([&](std::uint64_t key) {
      switch (key) {
        case 1:
          benchmark::DoNotOptimize(in.uint());
          break;
        case 2:
          bytes += in.text(4096).size();
          break;
        case 3:
          in.array(4096, [&](std::size_t) { bytes += in.bytes(32).size(); });
          break;
        default:
          break;
      }
    });
    if (!in.finish()) state.SkipWithError("does not decode");
  }
  benchmark::DoNotOptimize(bytes);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}
BENCHMARK(BM_MessageDecode)->Arg(0)->Arg(16)->Arg(1024);

}  // namespace
}  // namespace jetway::wire
