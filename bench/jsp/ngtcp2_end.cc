#include "bench/jsp/ngtcp2_end.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>

#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/rand.h>
#include <openssl/x509.h>

namespace jetway::bench {

namespace {

constexpr int kSocketBufferBytes = 4 << 20;
constexpr std::size_t kBlockBytes = 1 << 20;
constexpr int kAggregatesAtOnce = 16;
constexpr int kReadsAtOnce = 32;
constexpr std::size_t kConnectionIdBytes = 8;
constexpr std::uint64_t kStreamWindowBytes = 8 << 20;
constexpr std::uint64_t kConnectionWindowBytes = 16 << 20;
constexpr auto kProtocol = std::to_array<unsigned char>({5, 'b', 'e', 'n', 'c', 'h'});

void require(bool is_true, const char* what) {
  if (!is_true) throw std::runtime_error(what);
}

void require_success(ngtcp2_ssize result, const char* what) {
  if (result < 0)
    throw std::runtime_error(std::string(what) + ": " + ngtcp2_strerror(static_cast<int>(result)));
}

ngtcp2_cid make_connection_id() {
  ngtcp2_cid id{};
  std::array<std::uint8_t, kConnectionIdBytes> random{};
  RAND_bytes(random.data(), static_cast<int>(random.size()));
  ngtcp2_cid_init(&id, random.data(), random.size());
  return id;
}

TlsContext make_context(const SSL_METHOD* method) {
  TlsContext context(SSL_CTX_new(method));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  require(SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_256_GCM_SHA384") == 1, "cipher");
  require(SSL_CTX_set1_groups_list(context.get(), "X25519MLKEM768") == 1, "group");
  return context;
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned in_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocol.data(), kProtocol.size(), in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

ngtcp2_tstamp ngtcp2_now() {
  return static_cast<ngtcp2_tstamp>(std::chrono::steady_clock::now().time_since_epoch().count());
}

TlsContext make_server_context() {
  TlsContext context = make_context(TLS_server_method());
  const std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const std::unique_ptr<X509, Freer<X509_free>> certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 24 * 3600);
  X509_set_pubkey(certificate.get(), key.get());
  require(X509_sign(certificate.get(), key.get(), nullptr) > 0, "certificate");
  require(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1, "certificate");
  require(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1, "key");
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  return context;
}

TlsContext make_client_context() { return make_context(TLS_client_method()); }

Ngtcp2End::Ngtcp2End(const Ngtcp2Config& config, SSL_CTX* context, bool is_server)
    : config_(config),
      context_(context),
      is_server_(is_server),
      probes_{static_cast<std::uint16_t>(config.payload_max_bytes)},
      block_(kBlockBytes) {
  open_socket();
}

Ngtcp2End::~Ngtcp2End() {
  if (connection_ != nullptr) ngtcp2_conn_del(connection_);
  if (tls_of_ngtcp2_ != nullptr) ngtcp2_crypto_ossl_ctx_del(tls_of_ngtcp2_);
  if (tls_) SSL_set_app_data(tls_.get(), nullptr);  // it would call back into the connection that is gone
  ::close(descriptor_);
}

void Ngtcp2End::open_socket() {
  descriptor_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  local_.sin_family = AF_INET;
  local_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof local_;
  auto* const local = reinterpret_cast<sockaddr*>(&local_);
  require(descriptor_ >= 0 && ::bind(descriptor_, local, size) == 0 &&
              ::getsockname(descriptor_, local, &size) == 0,
          "bind");
  const auto set = [&](int level, int name, int value) {
    ::setsockopt(descriptor_, level, name, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_RCVBUFFORCE, kSocketBufferBytes);
  set(SOL_SOCKET, SO_SNDBUFFORCE, kSocketBufferBytes);
  set(SOL_UDP, UDP_GRO, 1);
  set(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
}

void Ngtcp2End::make_tls() {
  tls_.reset(SSL_new(context_));
  require(ngtcp2_crypto_ossl_ctx_new(&tls_of_ngtcp2_, tls_.get()) == 0, "TLS");
  reference_.get_conn = [](ngtcp2_crypto_conn_ref* reference) {
    return static_cast<Ngtcp2End*>(reference->user_data)->connection_;
  };
  reference_.user_data = this;
  SSL_set_app_data(tls_.get(), &reference_);
  if (is_server_) {
    require(ngtcp2_crypto_ossl_configure_server_session(tls_.get()) == 0, "TLS");
    SSL_set_accept_state(tls_.get());
  } else {
    require(ngtcp2_crypto_ossl_configure_client_session(tls_.get()) == 0, "TLS");
    SSL_set_connect_state(tls_.get());
    SSL_set_alpn_protos(tls_.get(), kProtocol.data(), kProtocol.size());
  }
}

ngtcp2_callbacks Ngtcp2End::make_callbacks() {
  ngtcp2_callbacks callbacks{};
  callbacks.client_initial = ngtcp2_crypto_client_initial_cb;
  callbacks.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
  callbacks.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
  callbacks.encrypt = ngtcp2_crypto_encrypt_cb;
  callbacks.decrypt = ngtcp2_crypto_decrypt_cb;
  callbacks.hp_mask = ngtcp2_crypto_hp_mask_cb;
  callbacks.recv_retry = ngtcp2_crypto_recv_retry_cb;
  callbacks.update_key = ngtcp2_crypto_update_key_cb;
  callbacks.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
  callbacks.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
  callbacks.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
  callbacks.get_path_challenge_data2 = ngtcp2_crypto_get_path_challenge_data2_cb;
  callbacks.rand = [](std::uint8_t* out, std::size_t size, const ngtcp2_rand_ctx*) {
    RAND_bytes(out, static_cast<int>(size));
  };
  callbacks.get_new_connection_id2 = [](ngtcp2_conn*, ngtcp2_cid* id, ngtcp2_stateless_reset_token* token,
                                        std::size_t size, void*) {
    RAND_bytes(id->data, static_cast<int>(size));
    id->datalen = size;
    RAND_bytes(token->data, sizeof token->data);
    return 0;
  };
  callbacks.handshake_confirmed = [](ngtcp2_conn*, void* self) {
    static_cast<Ngtcp2End*>(self)->is_confirmed_ = true;
    return 0;
  };
  callbacks.recv_stream_data = [](ngtcp2_conn* connection, std::uint32_t, std::int64_t stream, std::uint64_t,
                                  const std::uint8_t*, std::size_t size, void* self, void*) {
    static_cast<Ngtcp2End*>(self)->stream_bytes_received_ += size;
    ngtcp2_conn_extend_max_stream_offset(connection, stream, size);
    ngtcp2_conn_extend_max_offset(connection, size);
    return 0;
  };
  return callbacks;
}

ngtcp2_settings Ngtcp2End::make_settings() const {
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = ngtcp2_now();
  settings.cc_algo = config_.congestion_control;
  settings.max_tx_udp_payload_size = config_.payload_max_bytes;
  settings.max_window = 64 << 20;
  settings.max_stream_window = 32 << 20;
  return settings;
}

namespace {

ngtcp2_transport_params make_parameters() {
  ngtcp2_transport_params parameters;
  ngtcp2_transport_params_default(&parameters);
  parameters.initial_max_streams_uni = 1;
  parameters.initial_max_stream_data_uni = kStreamWindowBytes;
  parameters.initial_max_data = kConnectionWindowBytes;
  parameters.max_idle_timeout = 30 * NGTCP2_SECONDS;
  return parameters;
}

}  // namespace

ngtcp2_path Ngtcp2End::path() {
  return {.local = {.addr = reinterpret_cast<ngtcp2_sockaddr*>(&local_), .addrlen = sizeof local_},
          .remote = {.addr = reinterpret_cast<ngtcp2_sockaddr*>(&remote_), .addrlen = sizeof remote_},
          .user_data = nullptr};
}

void Ngtcp2End::connect(const sockaddr_in& server) {
  remote_ = server;
  make_tls();
  ngtcp2_settings settings = make_settings();
  settings.pmtud_probes = probes_.data();
  settings.pmtud_probeslen = probes_.size();
  const ngtcp2_transport_params parameters = make_parameters();
  const ngtcp2_callbacks callbacks = make_callbacks();
  const ngtcp2_cid destination = make_connection_id();
  const ngtcp2_cid source = make_connection_id();
  const ngtcp2_path this_path = path();
  require_success(ngtcp2_conn_client_new(&connection_, &destination, &source, &this_path, NGTCP2_PROTO_VER_V1,
                                         &callbacks, &settings, &parameters, nullptr, this),
                  "client");
  ngtcp2_conn_set_tls_native_handle(connection_, tls_of_ngtcp2_);
}

void Ngtcp2End::accept(std::span<const std::uint8_t> packet) {
  ngtcp2_pkt_hd header;
  if (ngtcp2_accept(&header, packet.data(), packet.size()) != 0) return;
  make_tls();
  const ngtcp2_settings settings = make_settings();
  ngtcp2_transport_params parameters = make_parameters();
  parameters.original_dcid = header.dcid;
  parameters.original_dcid_present = 1;
  const ngtcp2_callbacks callbacks = make_callbacks();
  const ngtcp2_cid source = make_connection_id();
  const ngtcp2_path this_path = path();
  require_success(ngtcp2_conn_server_new(&connection_, &header.scid, &source, &this_path, header.version,
                                         &callbacks, &settings, &parameters, nullptr, this),
                  "server");
  ngtcp2_conn_set_tls_native_handle(connection_, tls_of_ngtcp2_);
}

void Ngtcp2End::send_stream(std::uint64_t bytes) {
  require_success(ngtcp2_conn_open_uni_stream(connection_, &stream_, nullptr), "stream");
  to_send_ = bytes;
}

ngtcp2_ssize Ngtcp2End::write_packet(ngtcp2_conn*, ngtcp2_path* path, ngtcp2_pkt_info* info,
                                     std::uint8_t* out, std::size_t size, ngtcp2_tstamp at, void* self) {
  auto* const end = static_cast<Ngtcp2End*>(self);
  const ngtcp2_ssize written = end->write_one(path, info, {out, size}, at);
  if (written > 0) ++end->packets_sent_;
  return written;
}

ngtcp2_ssize Ngtcp2End::write_one(ngtcp2_path* path, ngtcp2_pkt_info* info, std::span<std::uint8_t> out,
                                  ngtcp2_tstamp at) {
  if (stream_ >= 0 && !is_finished_) {
    const std::size_t offered = std::min<std::uint64_t>(block_.size(), to_send_);
    const ngtcp2_vec data{.base = block_.data(), .len = offered};
    const bool is_last = offered == to_send_;
    const std::uint32_t flags =
        NGTCP2_WRITE_STREAM_FLAG_PADDING | (is_last ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0U);
    ngtcp2_ssize taken = -1;
    const ngtcp2_ssize written = ngtcp2_conn_writev_stream(connection_, path, info, out.data(), out.size(),
                                                           &taken, flags, stream_, &data, 1, at);
    if (taken >= 0) {
      to_send_ -= static_cast<std::uint64_t>(taken);
      is_finished_ = is_last && static_cast<std::size_t>(taken) == offered;
    }
    if (written != NGTCP2_ERR_STREAM_DATA_BLOCKED) return written;
  }
  return ngtcp2_conn_write_pkt(connection_, path, info, out.data(), out.size(), at);
}

void Ngtcp2End::write_datagrams() {
  if (connection_ == nullptr) return;
  for (int i = 0; i < kAggregatesAtOnce; ++i) {
    ngtcp2_path_storage path_storage;
    ngtcp2_path_storage_zero(&path_storage);
    ngtcp2_pkt_info info{};
    std::size_t segment_bytes = 0;
    const ngtcp2_ssize written =
        ngtcp2_conn_write_aggregate_pkt(connection_, &path_storage.path, &info, packets_.data(),
                                        packets_.size(), &segment_bytes, write_packet, ngtcp2_now());
    require_success(written, "write");
    if (written == 0) return;
    send(std::span(packets_).first(static_cast<std::size_t>(written)), segment_bytes);
  }
}

void Ngtcp2End::send(std::span<const std::uint8_t> bytes, std::size_t segment_bytes) {
  iovec part{.iov_base = const_cast<std::uint8_t*>(bytes.data()), .iov_len = bytes.size()};
  msghdr message{};
  message.msg_name = &remote_;
  message.msg_namelen = sizeof remote_;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> control{};
  if (bytes.size() > segment_bytes) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
    const auto value = static_cast<std::uint16_t>(segment_bytes);
    std::memcpy(CMSG_DATA(header), &value, sizeof value);
  }
  const bool is_sent = ::sendmsg(descriptor_, &message, 0) >= 0;
  require(is_sent || errno == EMSGSIZE || errno == EAGAIN, "sendmsg");  // probes may be too large
}

void Ngtcp2End::read_datagrams() {
  for (int i = 0; i < kReadsAtOnce; ++i) {
    iovec part{.iov_base = received_.data(), .iov_len = received_.size()};
    alignas(cmsghdr) std::array<char, 128> control{};
    msghdr message{};
    message.msg_name = &remote_;
    message.msg_namelen = sizeof remote_;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(descriptor_, &message, 0);
    if (size <= 0) return;
    int segment_bytes = static_cast<int>(size);
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level == SOL_UDP && header->cmsg_type == UDP_GRO) {
        std::memcpy(&segment_bytes, CMSG_DATA(header), sizeof segment_bytes);
      }
    }
    std::span<const std::uint8_t> rest(received_.data(), static_cast<std::size_t>(size));
    while (!rest.empty()) {
      const std::size_t packet_bytes = std::min(rest.size(), static_cast<std::size_t>(segment_bytes));
      read_packet(rest.first(packet_bytes));
      rest = rest.subspan(packet_bytes);
    }
  }
}

void Ngtcp2End::read_packet(std::span<const std::uint8_t> packet) {
  if (connection_ == nullptr) accept(packet);
  if (connection_ == nullptr) return;
  const ngtcp2_path this_path = path();
  const ngtcp2_pkt_info info{};
  require_success(
      ngtcp2_conn_read_pkt(connection_, &this_path, &info, packet.data(), packet.size(), ngtcp2_now()),
      "read");
}

void Ngtcp2End::handle_timeout() {
  if (connection_ == nullptr || ngtcp2_conn_get_expiry(connection_) > ngtcp2_now()) return;
  require_success(ngtcp2_conn_handle_expiry(connection_, ngtcp2_now()), "timeout");
}

ngtcp2_tstamp Ngtcp2End::next_timeout() const {
  return connection_ == nullptr ? UINT64_MAX : ngtcp2_conn_get_expiry(connection_);
}

}  // namespace jetway::bench
