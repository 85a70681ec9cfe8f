#include "tests/node/transfer_pair.h"

#include <filesystem>
#include <map>

#include <sys/stat.h>

#include "jetway/base/random.h"
#include "jetway/io/task_group.h"

namespace jetway::node::test {

namespace {

namespace fs = std::filesystem;

transport::TransportConfig config_with(crypto::SystemRandom& random) {
  transport::TransportConfig config;
  config.handshake.identity =
      std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random));
  return config;
}

struct Node {
  char type;
  unsigned mode;
  std::int64_t modified_ns;
  std::string content;

  bool operator==(const Node&) const = default;
};

std::map<std::string, Node> list_tree(const std::string& root) {
  std::map<std::string, Node> nodes;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    struct stat status{};
    ::lstat(entry.path().c_str(), &status);
    Node node{.type = 'f',
              .mode = status.st_mode & 07777u,
              .modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec,
              .content = {}};
    if (S_ISLNK(status.st_mode)) {
      node.type = 'l';
      node.mode = 0;
      node.content = fs::read_symlink(entry.path()).string();
    } else if (S_ISDIR(status.st_mode)) {
      node.type = 'd';
    } else {
      std::ifstream file(entry.path(), std::ios::binary);
      node.content.assign(std::istreambuf_iterator<char>{file}, {});
    }
    nodes.emplace(fs::relative(entry.path(), root).string(), std::move(node));
  }
  return nodes;
}

}  // namespace

TransferPair::TransferPair(transport::HostProtocol protocol)
    : sender_config_(config_with(random_)),
      receiver_config_(config_with(random_)),
      transport_(transport::make_host_transport(protocol)),
      state_(std::in_place),
      db_(std::move(store::StateDb::open(state_->path())->db)) {
  options.target = target.path();
  options.fsync = FsyncPolicy::Never;
  options.state_directory = state_->path();
  auto listening = transport_->listen(
      loop_, {.endpoint = transport::HostEndpoint{"127.0.0.1", 0, protocol}, .peer = {}}, receiver_config_);
  listener_ = std::move(listening.value());
}

void TransferPair::lose_state() {
  restart_receiver();
  state_.emplace();
  db_ = std::move(store::StateDb::open(state_->path())->db);
  options.state_directory = state_->path();
}

io::Task<void> TransferPair::accept_and_serve() {
  auto connection = co_await listener_->accept();
  connection->admit();
  served = co_await receiver->serve(std::move(*connection), receiving);
}

io::Task<io::Connection> TransferPair::dial() {
  transport::Address address = listener_->local_address();
  address.peer = receiver_config_.handshake.identity->peer_id();
  auto connection = co_await transport_->connect(loop_, address, sender_config_);
  co_return std::move(connection.value());
}

io::Task<void> TransferPair::run_script(std::function<io::Task<void>(io::Connection)> script) {
  io::TaskGroup tasks(loop_);
  tasks.spawn(accept_and_serve());
  io::Connection connection = co_await dial();
  co_await script(connection);
  co_await connection.close(0, "done");
  co_await tasks.join();
}

void TransferPair::send_by_hand(std::function<io::Task<void>(io::Connection)> script) {
  if (!receiver) receiver = std::make_unique<Receiver>(loop_, db_, options);
  loop_.run_until_done(run_script(std::move(script)));
}

io::Task<SendResult> TransferPair::dial_and_send(SendRequest request, RecordingObserver& observer,
                                                 std::optional<std::uint64_t> cut_after_bytes) {
  io::Connection connection = co_await dial();
  if (cut_after_bytes) {
    request.tuning.progress_interval = Duration::zero();
    // The close delivers what was handed over; several streams may hand over much more before it runs.
    request.tuning.data_streams = 1;
    observer.when_progress = [this, connection, limit = *cut_after_bytes](const Progress& progress) mutable {
      if (progress.bytes_moved + progress.bytes_already < limit || !connection.is_connected()) return;
      loop_.spawn(connection.close(1, "cut"));
    };
  }
  SendResult result = co_await run_send(loop_, connection, std::move(request), random_, observer);
  observer.when_progress = nullptr;
  co_await connection.close(0, "done");
  co_return result;
}

io::Task<void> TransferPair::send_into(SendRequest request, RecordingObserver& observer, SendResult* result,
                                       std::optional<std::uint64_t> cut_after_bytes) {
  *result = co_await dial_and_send(std::move(request), observer, cut_after_bytes);
}

io::Task<void> TransferPair::run_sends(std::vector<SendRequest> requests, std::vector<SendResult>* results,
                                       std::optional<std::uint64_t> cut_after_bytes) {
  io::TaskGroup tasks(loop_);
  RecordingObserver* const observers[] = {&sending, &second_sending_};
  results->resize(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    tasks.spawn(accept_and_serve());
    tasks.spawn(send_into(std::move(requests[i]), *observers[i], &(*results)[i], cut_after_bytes));
  }
  co_await tasks.join();
}

SendResult TransferPair::send(SendRequest request, std::optional<std::uint64_t> cut_after_bytes) {
  if (!receiver) receiver = std::make_unique<Receiver>(loop_, db_, options);
  std::vector<SendResult> results;
  std::vector<SendRequest> requests;
  requests.push_back(std::move(request));
  loop_.run_until_done(run_sends(std::move(requests), &results, cut_after_bytes));
  return results[0];
}

SendResult TransferPair::send(const std::vector<std::string>& names,
                              std::optional<std::uint64_t> cut_after_bytes) {
  SendRequest request;
  for (const std::string& name : names) request.paths.emplace_back(source / name);
  return send(std::move(request), cut_after_bytes);
}

std::pair<SendResult, SendResult> TransferPair::send_twice(const std::string& name) {
  if (!receiver) receiver = std::make_unique<Receiver>(loop_, db_, options);
  std::vector<SendResult> results;
  std::vector<SendRequest> requests(2);
  for (SendRequest& request : requests) request.paths = {source / name};
  loop_.run_until_done(run_sends(std::move(requests), &results, std::nullopt));
  return {results[0], results[1]};
}

void TransferPair::expect_same_trees(const std::string& a, const std::string& b) const {
  const auto left = list_tree(a);
  const auto right = list_tree(b);
  for (const auto& [path, node] : left) {
    const auto same = right.find(path);
    ASSERT_NE(same, right.end()) << path << " is missing";
    EXPECT_TRUE(node == same->second)
        << path << " differs: mode " << node.mode << " and " << same->second.mode << ", time "
        << node.modified_ns << " and " << same->second.modified_ns;
  }
  for (const auto& [path, node] : right) EXPECT_TRUE(left.contains(path)) << path << " is too much";
}

std::string TransferPair::random_bytes(std::size_t count, std::uint64_t seed) {
  std::string bytes(count, '\0');
  SeededRandom random(seed);
  random.fill(std::as_writable_bytes(std::span{bytes}));
  return bytes;
}

std::vector<std::string> TransferPair::partials() const {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(target.path())) {
    if (entry.path().filename().string().starts_with(".jetway-")) found.push_back(entry.path());
  }
  return found;
}

}  // namespace jetway::node::test
