// What does the session cost per byte and per message, without seal and pipe? Beside it a plain copy, since a
// byte has to be moved once from the packet to the application.

#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include <zstd.h>

#include <benchmark/benchmark.h>
#include <lz4.h>

#include "jetway/session/compression.h"
#include "jetway/session/session.h"

namespace jetway::session {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPacketBytes = 64 * 1024;

// A dialer and a listener in one thread, with a copy where the seal and the pipe would be.
class Ends {
 public:
  Ends() : dialer(Role::Dialer, config(), now_), listener(Role::Listener, config(), now_) {
    dialer.on_established(now_, listener.local_parameters());
    listener.on_established(now_, dialer.local_parameters());
    listener.admit(now_);
    move_all();
  }

  void move_all() {
    while (move(dialer, listener) | move(listener, dialer)) {
    }
  }

  Session dialer;
  Session listener;

 private:
  static SessionConfig config() {
    SessionConfig config;
    config.stream_window_bytes = config.stream_window_max_bytes;
    config.connection_window_bytes = config.connection_window_max_bytes;
    return config;
  }

  bool move(Session& from, Session& to) {
    if (!from.wants_to_send()) return false;
    wire::PacketWriter packet{scratch_, kPacketBytes};
    from.write_frames(now_, packet, number_);
    std::size_t size = 0;
    for (const ByteView part : packet.parts()) {
      copy_bytes(MutableBytes{pipe_}.subspan(size, part.size()), part);
      size += part.size();
    }
    from.on_packet_acked(now_, number_++);
    (void)to.handle_frames(now_, ByteView{pipe_}.first(size));
    for (Session* end : {&from, &to}) {
      while (end->poll_event()) {
      }
    }
    return true;
  }

  TimePoint now_{1h};
  std::uint64_t number_ = 0;
  Bytes scratch_ = Bytes(kPacketBytes);
  Bytes pipe_ = Bytes(kPacketBytes);
};

void BM_TwoCopies(benchmark::State& state) {
  Bytes from(kPacketBytes, std::byte{1});
  Bytes between(kPacketBytes);
  Bytes to(kPacketBytes);
  for (auto _ : state) {
    std::memcpy(between.data(), from.data(), from.size());
    benchmark::ClobberMemory();
    std::memcpy(to.data(), between.data(), between.size());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kPacketBytes));
}
BENCHMARK(BM_TwoCopies);

// Bulk data from buffers into posted reads: this benchmark's own copy and the session's, so compare with
// TwoCopies.
void BM_BulkStream(benchmark::State& state) {
  const auto piece = static_cast<std::size_t>(state.range(0));
  Ends ends;
  const StreamId id = ends.dialer.open_stream(Direction::OneWay, {.priority = Priority::Bulk}).value();
  Bytes memory(piece, std::byte{1});
  Bytes out(piece);
  struct Keep final : BufferRecycler {
    void recycle(std::byte*, std::size_t) noexcept override {}
  } keep;
  bool is_open = false;
  for (auto _ : state) {
    Buffer buffer{memory.data(), memory.size(), keep};
    buffer.resize(piece);
    if (!*ends.dialer.write(id, buffer)) state.SkipWithError("send buffer is full");
    if (is_open) (void)ends.listener.post_read(id, out);
    ends.move_all();
    if (!std::exchange(is_open, true)) {
      (void)ends.listener.read(id, out);
    } else if (ends.listener.take_posted_read(id)->bytes != piece) {
      state.SkipWithError("not all has come");
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(piece));
}
BENCHMARK(BM_BulkStream)->Arg(64 << 10)->Arg(256 << 10)->Arg(1 << 20);

void BM_Messages(benchmark::State& state) {
  Ends ends;
  const Bytes message(static_cast<std::size_t>(state.range(0)), std::byte{1});
  for (auto _ : state) {
    if (!ends.dialer.send_message(message)) state.SkipWithError("refused");
    ends.move_all();
    while (ends.listener.poll_event()) {
    }
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Messages)->Arg(64)->Arg(4 << 10)->Arg(1 << 20);

Bytes text_of(std::size_t size) {
  constexpr std::string_view kText =
      "The quick brown fox jumps over the lazy dog, again and again, {} times. ";
  Bytes bytes;
  for (std::size_t i = 0; bytes.size() < size; ++i) {
    const std::string line = std::string{kText} + std::to_string(i * 7919);
    bytes.insert(bytes.end(), as_bytes(line).begin(), as_bytes(line).end());
  }
  bytes.resize(size);
  return bytes;
}

template <Compression kAlgorithm>
void BM_Compress(benchmark::State& state) {
  Codec codec;
  const Bytes raw = text_of(kStreamUnitMaxBytes);
  std::size_t stored = 0;
  for (auto _ : state) stored = codec.compress(kAlgorithm, raw).value_or(raw).size();
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(raw.size()));
  state.counters["ratio"] = static_cast<double>(stored) / static_cast<double>(raw.size());
}
BENCHMARK(BM_Compress<Compression::Lz4>);
BENCHMARK(BM_Compress<Compression::Zstd>);

template <Compression kAlgorithm>
void BM_Decompress(benchmark::State& state) {
  Codec codec;
  Bytes raw = text_of(kStreamUnitMaxBytes);
  const Bytes stored = to_bytes(codec.compress(kAlgorithm, raw).value());
  for (auto _ : state) {
    if (!codec.decompress(kAlgorithm, stored, raw)) state.SkipWithError("broken");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(raw.size()));
}
BENCHMARK(BM_Decompress<Compression::Lz4>);
BENCHMARK(BM_Decompress<Compression::Zstd>);

// The libraries by themselves, as the codec calls them.
template <Compression kAlgorithm>
void BM_CompressLimit(benchmark::State& state) {
  const Bytes raw = text_of(kStreamUnitMaxBytes);
  Bytes out(raw.size());
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context{ZSTD_createCCtx(), ZSTD_freeCCtx};
  for (auto _ : state) {
    if constexpr (kAlgorithm == Compression::Zstd) {
      benchmark::DoNotOptimize(
          ZSTD_compressCCtx(context.get(), out.data(), out.size(), raw.data(), raw.size(), 1));
    } else {
      benchmark::DoNotOptimize(
          LZ4_compress_default(reinterpret_cast<const char*>(raw.data()), reinterpret_cast<char*>(out.data()),
                               static_cast<int>(raw.size()), static_cast<int>(out.size())));
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(raw.size()));
}
BENCHMARK(BM_CompressLimit<Compression::Lz4>);
BENCHMARK(BM_CompressLimit<Compression::Zstd>);

template <Compression kAlgorithm>
void BM_DecompressLimit(benchmark::State& state) {
  Codec codec;
  Bytes raw = text_of(kStreamUnitMaxBytes);
  const Bytes stored = to_bytes(codec.compress(kAlgorithm, raw).value());
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context{ZSTD_createDCtx(), ZSTD_freeDCtx};
  for (auto _ : state) {
    if constexpr (kAlgorithm == Compression::Zstd) {
      benchmark::DoNotOptimize(
          ZSTD_decompressDCtx(context.get(), raw.data(), raw.size(), stored.data(), stored.size()));
    } else {
      benchmark::DoNotOptimize(LZ4_decompress_safe(
          reinterpret_cast<const char*>(stored.data()), reinterpret_cast<char*>(raw.data()),
          static_cast<int>(stored.size()), static_cast<int>(raw.size())));
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(raw.size()));
}
BENCHMARK(BM_DecompressLimit<Compression::Lz4>);
BENCHMARK(BM_DecompressLimit<Compression::Zstd>);

// The probe that keeps noise away from the compressors.
void BM_Probe(benchmark::State& state) {
  const Bytes raw = text_of(kStreamUnitMaxBytes);
  for (auto _ : state) benchmark::DoNotOptimize(looks_incompressible(raw));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(raw.size()));
}
BENCHMARK(BM_Probe);

}  // namespace
}  // namespace jetway::session
