#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "bench/ends/ends.h"

// The reference: OpenSSL's TLS 1.3 over blocking sockets, with the same cipher, key exchange and kind of
// identity.
namespace jetway::bench {

namespace {

template <auto kFree>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Freer<SSL_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;

void require(bool is_true, const char* what) {
  if (!is_true) throw std::runtime_error(what);
}

Certificate make_certificate(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 24 * 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("bench"), -1,
                             -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  require(X509_sign(certificate.get(), key, nullptr) > 0, "certificate");
  return certificate;
}

// Identities are pinned: the chain is not looked at, the signature of the handshake is.
int accept_any(int, X509_STORE_CTX*) { return 1; }

Context make_context(const SSL_METHOD* method) {
  Context context(SSL_CTX_new(method));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  require(SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_256_GCM_SHA384") == 1, "cipher");
  require(SSL_CTX_set1_groups_list(context.get(), "X25519MLKEM768") == 1, "group");
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const Certificate certificate = make_certificate(key.get());
  require(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1, "certificate");
  require(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1, "key");
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  // One system call for many records, which is TLS at its best.
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), kBlockBytes);
  return context;
}

Ssl make_ssl(SSL_CTX* context, int descriptor) {
  set_no_delay(descriptor);
  Ssl ssl(SSL_new(context));
  SSL_set_fd(ssl.get(), descriptor);
  return ssl;
}

EndReport receive_bulk(int listening, std::size_t total_bytes) {
  const Context context = make_context(TLS_server_method());
  const int descriptor = ::accept(listening, nullptr, nullptr);
  const Ssl ssl = make_ssl(context.get(), descriptor);
  require(SSL_accept(ssl.get()) == 1, "accept");
  std::vector<unsigned char> block(kBlockBytes);
  Reading start;
  std::size_t received = 0;
  while (received < total_bytes) {
    const int count = SSL_read(ssl.get(), block.data(), static_cast<int>(block.size()));
    require(count > 0, "read");
    if (received == 0) start = Reading::now();
    received += static_cast<std::size_t>(count);
  }
  const Usage usage = between(start, Reading::now());
  require(SSL_write(ssl.get(), block.data(), 1) == 1, "write");
  SSL_shutdown(ssl.get());
  ::close(descriptor);
  return {.usage = usage};
}

EndReport send_bulk(const std::string& address, std::uint16_t port, std::size_t total_bytes) {
  const Context context = make_context(TLS_client_method());
  const int descriptor = dial_tcp(address, port);
  const Ssl ssl = make_ssl(context.get(), descriptor);
  require(SSL_connect(ssl.get()) == 1, "connect");
  std::vector<unsigned char> block(kBlockBytes);
  const Reading start = Reading::now();
  for (std::size_t sent = 0; sent < total_bytes; sent += block.size()) {
    require(SSL_write(ssl.get(), block.data(), static_cast<int>(block.size())) > 0, "write");
  }
  require(SSL_read(ssl.get(), block.data(), 1) == 1, "read");
  const Usage usage = between(start, Reading::now());
  SSL_shutdown(ssl.get());
  ::close(descriptor);
  return {.usage = usage};
}

EndReport accept_all(int listening, int count) {
  const Context context = make_context(TLS_server_method());
  const Reading start = Reading::now();
  for (int i = 0; i < count; ++i) {
    const int descriptor = ::accept(listening, nullptr, nullptr);
    const Ssl ssl = make_ssl(context.get(), descriptor);
    require(SSL_accept(ssl.get()) == 1, "accept");
    unsigned char byte = 0;
    SSL_read(ssl.get(), &byte, 1);  // until the client has closed
    SSL_shutdown(ssl.get());
    ::close(descriptor);
  }
  return {.usage = between(start, Reading::now())};
}

EndReport dial_all(const std::string& address, std::uint16_t port, int count) {
  const Context context = make_context(TLS_client_method());
  const Reading start = Reading::now();
  for (int i = 0; i < count; ++i) {
    const int descriptor = dial_tcp(address, port);
    const Ssl ssl = make_ssl(context.get(), descriptor);
    require(SSL_connect(ssl.get()) == 1, "connect");
    SSL_shutdown(ssl.get());
    unsigned char byte = 0;
    SSL_read(ssl.get(), &byte, 1);  // until the server has closed
    ::close(descriptor);
  }
  return {.usage = between(start, Reading::now())};
}

}  // namespace

BothReports bulk_over_tls(const Layout& layout, std::size_t total_bytes) {
  return run_both(
      layout,
      [&](const auto& ready) {
        const ListeningSocket listening = ListeningSocket::open(layout.server_address);
        ready(listening.port);
        return receive_bulk(listening.descriptor, total_bytes);
      },
      [&](std::uint16_t port) { return send_bulk(layout.server_address, port, total_bytes); });
}

BothReports handshakes_of_tls(const Layout& layout, int count) {
  return run_both(
      layout,
      [&](const auto& ready) {
        const ListeningSocket listening = ListeningSocket::open(layout.server_address);
        ready(listening.port);
        return accept_all(listening.descriptor, count);
      },
      [&](std::uint16_t port) { return dial_all(layout.server_address, port, count); });
}

}  // namespace jetway::bench
