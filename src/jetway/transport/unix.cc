#include <cerrno>
#include <format>
#include <system_error>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jetway/base/text.h"
#include "jetway/transport/dialing.h"
#include "jetway/transport/log.h"
#include "jetway/transport/pipe_dialer.h"
#include "jetway/transport/pipe_listener.h"
#include "jetway/transport/socket_address.h"
#include "jetway/transport/transport.h"

namespace jetway::transport {

namespace {

constexpr int kUnixPriority = 100;
constexpr mode_t kSocketMode = 0600;

TransportError make_error(TransportErrc code, const std::string& path, std::string_view text) {
  return {.code = code,
          .detail = std::format("unix://{}: {}", escape_text(path), text),
          .handshake = std::nullopt};
}

TransportError listen_error(const std::string& path, int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      return make_error(TransportErrc::PermissionDenied, path, "no permission to make a socket there");
    case ENOENT:
    case ENOTDIR:
      return make_error(TransportErrc::BadAddress, path, "the folder of the socket does not exist");
    case EMFILE:
    case ENFILE:
      return make_error(TransportErrc::TooManyFiles, path, "out of file descriptors");
    default:
      return make_error(TransportErrc::BadAddress, path, std::system_category().message(error));
  }
}

int make_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

// Who is at the other end, as the kernel knows it.
std::string describe_peer(int descriptor) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return "unix:pid=?";
  return std::format("unix:pid={},uid={},gid={}", credentials.pid, credentials.uid, credentials.gid);
}

// Whether a file that stands in the way is a socket that nobody listens on any more.
bool is_stale(const SocketAddress& address, const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const int probe = make_socket();
  if (probe < 0) return false;
  const bool is_refused = ::connect(probe, address.data(), address.size) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return is_refused;
}

// Which file a path leads to, to remove it only while it is ours.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;

  static FileIdentity of(const std::string& path) {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0 ? FileIdentity{status.st_dev, status.st_ino} : FileIdentity{};
  }
};

io::Task<std::expected<io::Connection, TransportError>> connect_unix(io::EventLoop* loop, Address address,
                                                                     TransportConfig config) {
  const std::string path = std::get<UnixEndpoint>(address.endpoint).path;
  if (address.peer) config.handshake.expected_peer = address.peer;
  const TimePoint deadline = loop->now().engine + config.connect_timeout;
  std::vector<SocketAddress> addresses{SocketAddress::of_path(path)};
  const std::string name = escape_text(address.to_text());
  auto socket = co_await connect_socket(loop, std::move(addresses), deadline, name);
  if (!socket) co_return std::unexpected(socket.error());
  kLog.debug("{}: the peer is {}", name, describe_peer(socket->descriptor()));
  io::PipeNames names{.transport = "unix", .local_address = "unix:", .remote_address = name};
  auto core = start_dialing(*loop, *std::move(socket), std::move(names), nullptr, config);
  co_return co_await admission_of(std::move(core), name);
}

class UnixTransport final : public Transport {
 public:
  std::string_view name() const override { return "unix"; }
  Capabilities capabilities() const override { return {.message_max_bytes = std::uint64_t{16} << 20}; }
  bool is_available() const override { return true; }
  int priority() const override { return kUnixPriority; }

  io::Task<std::expected<io::Connection, TransportError>> connect(io::EventLoop& loop, Address address,
                                                                  TransportConfig config) override {
    return connect_unix(&loop, std::move(address), std::move(config));
  }

  std::expected<std::unique_ptr<Listener>, TransportError> listen(io::EventLoop& loop, const Address& address,
                                                                  const TransportConfig& config) override;
};

// Binds `descriptor`, in the place of a stale socket file where there is one.
std::expected<void, TransportError> bind_to(int descriptor, const std::string& path) {
  const SocketAddress address = SocketAddress::of_path(path);
  if (::bind(descriptor, address.data(), address.size) == 0) return {};
  if (errno != EADDRINUSE) return std::unexpected(listen_error(path, errno));
  if (!is_stale(address, path)) {
    return std::unexpected(make_error(TransportErrc::AddressInUse, path,
                                      "another program listens there, or a file is in the way"));
  }
  kLog.info("unix://{}: replacing the socket of a program that has gone", escape_text(path));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return std::unexpected(listen_error(path, errno));
  if (::bind(descriptor, address.data(), address.size) == 0) return {};
  return std::unexpected(listen_error(path, errno));
}

std::expected<std::unique_ptr<Listener>, TransportError> UnixTransport::listen(
    io::EventLoop& loop, const Address& address, const TransportConfig& config) {
  const std::string path = std::get<UnixEndpoint>(address.endpoint).path;
  const int descriptor = make_socket();
  if (descriptor < 0) return std::unexpected(listen_error(path, errno));
  io::Socket socket(loop, descriptor);
  if (auto bound = bind_to(descriptor, path); !bound) return std::unexpected(bound.error());
  // Nobody can connect before listen(), so there is no moment at which others could.
  if (::chmod(path.c_str(), kSocketMode) != 0 || ::listen(descriptor, config.listen_backlog) != 0) {
    return std::unexpected(listen_error(path, errno));
  }
  PipeListenerHooks hooks{.transport = "unix",
                          .on_accepted =
                              [path](int accepted) {
                                std::string peer = describe_peer(accepted);
                                kLog.info("unix://{}: connection from {}", escape_text(path), peer);
                                return peer;
                              },
                          .on_closed =
                              [path, own = FileIdentity::of(path)] {
                                if (FileIdentity::of(path) == own) ::unlink(path.c_str());
                              }};
  return std::make_unique<PipeListener>(loop, std::move(socket), address, config, std::move(hooks),
                                        std::make_shared<AdmissionQueue>(loop, config));
}

}  // namespace

std::unique_ptr<Transport> make_unix_transport() { return std::make_unique<UnixTransport>(); }

}  // namespace jetway::transport
