#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <netinet/in.h>

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_ossl.h>
#include <openssl/ssl.h>

namespace jetway::bench {

template <auto kFree>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using TlsContext = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Tls = std::unique_ptr<SSL, Freer<SSL_free>>;

TlsContext make_server_context();
TlsContext make_client_context();

ngtcp2_tstamp ngtcp2_now();

struct Ngtcp2Config {
  ngtcp2_cc_algo congestion_control = NGTCP2_CC_ALGO_CUBIC;
  std::size_t payload_max_bytes = 1452;  // of a UDP datagram
};

// One end of one QUIC connection on a UDP socket of its own, as fast as ngtcp2's documentation knows to make
// it: packets are written in aggregates for UDP_SEGMENT and read with UDP_GRO. Throws std::runtime_error.
class Ngtcp2End {
 public:
  // A server has no connection before its first datagram.
  Ngtcp2End(const Ngtcp2Config& config, SSL_CTX* context, bool is_server);
  Ngtcp2End(const Ngtcp2End&) = delete;
  Ngtcp2End& operator=(const Ngtcp2End&) = delete;
  ~Ngtcp2End();

  int descriptor() const { return descriptor_; }
  const sockaddr_in& local() const { return local_; }
  bool is_confirmed() const { return is_confirmed_; }
  std::uint64_t stream_bytes_received() const { return stream_bytes_received_; }
  std::uint64_t packets_sent() const { return packets_sent_; }

  void connect(const sockaddr_in& server);
  // One stream, zeros.
  void send_stream(std::uint64_t bytes);

  void read_datagrams();
  void handle_timeout();
  void write_datagrams();
  ngtcp2_tstamp next_timeout() const;  // UINT64_MAX: none

 private:
  static ngtcp2_callbacks make_callbacks();
  static ngtcp2_ssize write_packet(ngtcp2_conn* connection, ngtcp2_path* path, ngtcp2_pkt_info* info,
                                   std::uint8_t* out, std::size_t size, ngtcp2_tstamp at, void* self);
  ngtcp2_ssize write_one(ngtcp2_path* path, ngtcp2_pkt_info* info, std::span<std::uint8_t> out,
                         ngtcp2_tstamp at);
  void open_socket();
  void make_tls();
  ngtcp2_settings make_settings() const;
  void accept(std::span<const std::uint8_t> packet);
  void read_packet(std::span<const std::uint8_t> packet);
  void send(std::span<const std::uint8_t> bytes, std::size_t segment_bytes);
  ngtcp2_path path();

  Ngtcp2Config config_;
  SSL_CTX* context_;
  bool is_server_;
  std::array<std::uint16_t, 1> probes_;
  int descriptor_ = -1;
  sockaddr_in local_{};
  sockaddr_in remote_{};
  Tls tls_;
  ngtcp2_crypto_ossl_ctx* tls_of_ngtcp2_ = nullptr;
  ngtcp2_crypto_conn_ref reference_{};
  ngtcp2_conn* connection_ = nullptr;
  bool is_confirmed_ = false;

  std::int64_t stream_ = -1;
  std::uint64_t to_send_ = 0;
  bool is_finished_ = false;
  std::vector<std::uint8_t> block_;
  std::array<std::uint8_t, 64 * 1024> packets_{};
  std::array<std::uint8_t, 64 * 1024> received_{};
  std::uint64_t stream_bytes_received_ = 0;
  std::uint64_t packets_sent_ = 0;
};

}  // namespace jetway::bench
