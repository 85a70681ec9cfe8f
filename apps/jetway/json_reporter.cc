#include "apps/jetway/json_reporter.h"

#include <cerrno>
#include <format>
#include <utility>

#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "apps/jetway/path_text.h"
#include "jetway/base/text.h"

namespace jetway::command {

namespace {

namespace json = boost::json;

json::object name_object(std::string_view bytes) {
  json::object object;
  add_name(object, "name", bytes);
  return object;
}

double seconds(Duration duration) { return std::chrono::duration<double>{duration}.count(); }

json::value or_null(const std::optional<std::uint64_t>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

json::value milliseconds_or_null(const std::optional<Duration>& duration) {
  if (!duration) return nullptr;
  return std::chrono::duration<double, std::milli>{*duration}.count();
}

json::value limit_or_null(const std::optional<session::LimitedBy>& limit) {
  return limit ? json::value(session::limited_by_name(*limit)) : json::value(nullptr);
}

json::array each_path(const std::vector<io::PathSummary>& paths) {
  json::array each;
  for (const io::PathSummary& path : paths) {
    each.push_back({{"local_address", path.local_address},
                    {"remote_address", path.remote_address},
                    {"state", path.state},
                    {"rtt_ms", milliseconds_or_null(path.rtt)},
                    {"packets_sent", path.packets_sent},
                    {"packets_lost", path.packets_lost},
                    {"bytes_sent", path.bytes_sent}});
  }
  return each;
}

json::object path_fields(const io::ConnectionInfo& connection, std::optional<session::LimitedBy> limited) {
  const session::PathStatistics& path = connection.path;
  const auto loss = path.loss();
  return {{"rtt_ms", milliseconds_or_null(path.rtt)},
          {"min_rtt_ms", milliseconds_or_null(path.min_rtt)},
          {"loss", loss ? json::value(*loss) : json::value(nullptr)},
          {"packets_sent", or_null(path.packets_sent)},
          {"packets_lost", or_null(path.packets_lost)},
          {"bytes_retransmitted", or_null(path.bytes_retransmitted)},
          {"packets_repaired", or_null(path.packets_repaired)},
          {"congestion_window", or_null(path.congestion_window_bytes)},
          {"pacing_bytes_per_second", or_null(path.pacing_bytes_per_second)},
          {"mtu", or_null(path.mtu_bytes)},
          {"paths", path.paths},
          {"each", each_path(connection.paths)},
          {"limited_by", limit_or_null(limited)}};
}

json::object connection_fields(const io::ConnectionInfo& connection) {
  return {{"peer", connection.peer.to_text()},         {"transport", connection.transport},
          {"local_address", connection.local_address}, {"remote_address", connection.remote_address},
          {"key_exchange", connection.key_exchange},   {"suite", crypto::suite_name(connection.suite)}};
}

}  // namespace

class JsonReporter::Transfer final : public node::TransferObserver {
 public:
  Transfer(JsonReporter& reporter, Side side, io::Connection connection)
      : reporter_(reporter), side_(side), connection_(std::move(connection)), rate_(reporter.now_().engine) {}

  void on_offered(const node::OfferSummary& offer) override {
    id_ = to_hex(offer.id);
    rate_ = transfer::RateEstimator{reporter_.now_().engine};
    json::array names;
    for (const std::string& name : offer.names) names.emplace_back(name_object(name));
    write("offered", {{"peer", offer.peer.to_text()},
                      {"names", std::move(names)},
                      {"is_names_cut", offer.are_names_cut},
                      {"files", or_null(offer.files)},
                      {"bytes", or_null(offer.bytes)},
                      {"is_resumed", offer.is_resumed}});
  }

  void on_waiting() override { write("waiting", {}); }

  void on_state(node::TransferState state) override {
    write("state", {{"state", transfer::to_string(state)}});
  }

  void on_file_done(const node::FileDone& file) override {
    json::object fields;
    add_name(fields, "name", file.name);
    if (file.final_name != file.name) add_name(fields, "final_name", file.final_name);
    fields["bytes"] = file.bytes;
    fields["bytes_moved"] = file.bytes_moved;
    fields["is_skipped"] = file.is_skipped;
    write("file", std::move(fields));
  }

  void on_progress(const node::Progress& progress) override {
    rate_.update(reporter_.now_().engine, progress.bytes_moved);
    const std::uint64_t done = progress.bytes_done();
    const auto left = rate_.time_left(progress.bytes_total > done ? progress.bytes_total - done : 0);
    const io::ConnectionInfo connection = connection_.info();
    limits_.add(connection.path.limited_by);
    write("progress", {{"bytes_total", progress.bytes_total},
                       {"bytes_done", done},
                       {"bytes_moved", progress.bytes_moved},
                       {"bytes_resumed", progress.bytes_already},
                       {"bytes_skipped", progress.bytes_skipped},
                       {"files_total", progress.files_total},
                       {"files_done", progress.files_done},
                       {"is_total_final", progress.is_total_final},
                       {"bytes_per_second", rate_.bytes_per_second()},
                       {"seconds_left", left ? json::value(seconds(*left)) : json::value(nullptr)},
                       {"path", path_fields(connection, connection.path.limited_by)}});
  }

  void on_warning(std::string_view text) override { write("warning", {{"text", text}}); }

  void on_completed(const node::TransferSummary& summary) override {
    id_ = to_hex(summary.id);
    json::array renamed;
    for (const node::RenamedFile& file : summary.renamed) {
      json::object entry;
      add_name(entry, "name", file.wanted);
      add_name(entry, "final_name", file.actual);
      renamed.emplace_back(std::move(entry));
    }
    const double took = seconds(summary.elapsed);
    const io::ConnectionInfo connection = connection_.info();
    json::object fields = connection_fields(connection);
    fields["path"] = path_fields(connection, limits_.most());
    fields["bytes_total"] = summary.bytes_total;
    fields["bytes_moved"] = summary.bytes_moved;
    fields["bytes_resumed"] = summary.bytes_already_there;
    fields["bytes_skipped"] = summary.bytes_skipped;
    fields["files"] = summary.files;
    fields["directories"] = summary.directories;
    fields["links"] = summary.links;
    fields["files_skipped"] = summary.files_skipped;
    fields["left_out"] = summary.left_out;
    fields["renamed"] = std::move(renamed);
    fields["renamed_count"] = summary.renamed_count;
    fields["seconds"] = took;
    fields["bytes_per_second"] = took > 0 ? static_cast<double>(summary.bytes_moved) / took : 0.0;
    fields["root"] = summary.root.to_hex();
    write("completed", std::move(fields));
  }

  void on_failed(const node::TransferFailure& failure) override {
    write("failed", {{"code", transfer::to_string(failure.code)},
                     {"is_by_peer", failure.by_peer},
                     {"reason", failure.reason},
                     {"is_resumable", transfer::is_resumable(failure.code)},
                     {"exit_code", node::exit_code(failure)}});
  }

 private:
  void write(std::string_view event, json::object fields) {
    fields["side"] = side_ == Side::Sender ? "sender" : "receiver";
    if (!id_.empty()) fields["transfer"] = id_;
    reporter_.write(event, std::move(fields));
  }

  JsonReporter& reporter_;
  Side side_;
  io::Connection connection_;
  std::string id_;
  transfer::RateEstimator rate_;
  LimitTally limits_;
};

void JsonReporter::on_listening(const Listening& listening) {
  write("listening", {{"address", listening.address},
                      {"peer", listening.peer.to_text()},
                      {"send_command", listening.send_command}});
}

void JsonReporter::on_connecting(std::string_view address) { write("connecting", {{"address", address}}); }

void JsonReporter::on_connected(const io::ConnectionInfo& connection) {
  write("connected", connection_fields(connection));
}

void JsonReporter::on_peer_refused(const RefusedPeer& refused) {
  write("peer_refused", {{"peer", refused.peer.to_text()},
                         {"remote_address", refused.remote_address},
                         {"reason", refused.reason}});
}

void JsonReporter::on_warning(std::string_view text) { write("warning", {{"text", text}}); }

void JsonReporter::on_problem(const Problem& problem) {
  write("error",
        {{"text", problem.text}, {"hint", problem.hint}, {"exit_code", static_cast<int>(problem.exit_code)}});
  people_.on_problem(problem);
}

void JsonReporter::on_resumable(const std::vector<std::string>& words, std::string_view quoted) {
  json::array list;
  for (const std::string& word : words) list.emplace_back(name_object(word));
  write("resumable", {{"words", std::move(list)}, {"command", quoted}});
  people_.on_resumable(words, quoted);
}

std::unique_ptr<node::TransferObserver> JsonReporter::observe(Side side, io::Connection connection) {
  return std::make_unique<Transfer>(*this, side, std::move(connection));
}

void JsonReporter::write(std::string_view event, json::object fields) {
  if (is_broken_) return;
  json::object line{{"event", event}, {"time", std::format("{:%FT%T}Z", now_().wall)}};
  for (auto& field : fields) line[field.key()] = std::move(field.value());
  std::string text = json::serialize(line) + "\n";
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t count = ::write(fd_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    is_broken_ = count <= 0;
    if (is_broken_) return;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

void add_name(json::object& fields, std::string_view key, std::string_view bytes) {
  if (is_utf8(bytes)) {
    fields[key] = bytes;
  } else {
    fields[std::format("{}_b64", key)] = to_base64(as_bytes(bytes));
  }
}

}  // namespace jetway::command
