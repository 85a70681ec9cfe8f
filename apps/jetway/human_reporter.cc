#include "apps/jetway/human_reporter.h"

#include <algorithm>
#include <format>
#include <utility>

#include "apps/jetway/messages.h"
#include "apps/jetway/path_text.h"
#include "jetway/base/text.h"
#include "jetway/node/quantity.h"

namespace jetway::command {

namespace {
constexpr std::chrono::seconds kLineInterval{1};  // of progress without a terminal, and of the path
constexpr std::size_t kRenamedShown = 10;
constexpr std::uint64_t kWarningsShown = 100;  // of a transfer

std::string indented(std::string_view text) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '\n') result += "  ";
  }
  return result;
}
}  // namespace

// The transfers of one connection, one after the other.
class HumanReporter::Transfer final : public node::TransferObserver {
 public:
  Transfer(HumanReporter& reporter, Side side, io::Connection connection)
      : reporter_(reporter), side_(side), connection_(std::move(connection)), rate_(reporter.now_()) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() override { end(); }

  void on_offered(const node::OfferSummary& offer) override {
    label_ = name_list(offer.names, offer.are_names_cut);
  }

  void on_waiting() override { reporter_.print("the same transfer runs already; waiting for it"); }

  void on_state(node::TransferState state) override {
    if (state == node::TransferState::Active && !std::ranges::contains(reporter_.running_, this)) {
      progress_ = {};
      rate_ = transfer::RateEstimator{reporter_.now_()};
      reporter_.running_.push_back(this);
    }
    if (state == node::TransferState::Completing) label_ = "finishing";
  }

  void on_file_started(std::string_view name, std::uint64_t /*bytes*/) override {
    label_ = escape_text(name);
  }

  void on_file_done(const node::FileDone& file) override {
    if (reporter_.is_quiet() || reporter_.screen_.is_terminal()) return;
    std::string line = std::format("{}  {}", escape_text(file.name), node::format_size(file.bytes));
    if (file.is_skipped) line += "  skipped";
    if (file.final_name != file.name && !file.is_skipped)
      line += std::format("  as {}", escape_text(file.final_name));
    reporter_.screen_.print_later(line);
  }

  void on_progress(const node::Progress& progress) override {
    progress_ = progress;
    reporter_.show_progress();
  }

  void on_warning(std::string_view text) override {
    if (++warnings_ <= kWarningsShown) reporter_.on_warning(text);
    if (warnings_ == kWarningsShown)
      reporter_.print("... further warnings are counted only (--json has all)");
  }

  void on_completed(const node::TransferSummary& summary) override {
    end();
    for (std::size_t i = 0; i < summary.renamed.size() && i < kRenamedShown; ++i) {
      reporter_.print(std::format("kept what was there: {} is now {}", escape_text(summary.renamed[i].wanted),
                                  escape_text(summary.renamed[i].actual)));
    }
    if (summary.renamed_count > kRenamedShown) {
      reporter_.print(
          std::format("... and {} more", node::format_count(summary.renamed_count - kRenamedShown)));
    }
    const io::ConnectionInfo connection = connection_.info();
    const auto limited = side_ == Side::Sender ? limits_.most() : std::nullopt;
    if (reporter_.verbosity_ == Verbosity::Verbose) reporter_.print(path_line(connection, limited));
    std::string line = result_line(side_, summary, connection, limited);
    const bool is_too_wide = reporter_.screen_.is_terminal() && line.size() > reporter_.screen_.style().width;
    if (const auto root = line.rfind("; root "); is_too_wide && root != std::string::npos) {
      line.replace(root, std::string_view{"; "}.size(), "\n  ");
    }
    reporter_.print(line);
  }

  void on_failed(const node::TransferFailure& failure) override {
    end();
    const bool is_interrupted = failure.code == node::FailureCode::Cancelled && !failure.by_peer;
    const std::string from = side_ == Side::Receiver
                                 ? std::format(" (from {})", short_id(connection_.info().peer))
                                 : std::string{};
    reporter_.screen_.print(
        is_interrupted ? std::format("interrupted{}", from)
                       : std::format("{}{}: {}", reporter_.screen_.alarming("failed"), from, failure.reason));
    if (progress_.bytes_done() > 0 && transfer::is_resumable(failure.code)) {
      reporter_.print(std::format("{} have arrived and are kept", node::format_size(progress_.bytes_done())));
    }
  }

  void tick(TimePoint now) {
    rate_.update(now, progress_.bytes_moved);
    const io::ConnectionInfo connection = connection_.info();
    limits_.add(connection.path.limited_by);
    if (reporter_.verbosity_ != Verbosity::Verbose || now - last_path_ < kLineInterval) return;
    last_path_ = now;
    reporter_.print(path_line(connection, connection.path.limited_by));
  }

  ProgressView view() const {
    const std::uint64_t done = progress_.bytes_done();
    const std::uint64_t left = progress_.bytes_total > done ? progress_.bytes_total - done : 0;
    return {label_, progress_, rate_.bytes_per_second(), rate_.time_left(left)};
  }

 private:
  void end() {
    std::erase(reporter_.running_, this);
    reporter_.show_progress();
  }

  HumanReporter& reporter_;
  Side side_;
  io::Connection connection_;
  std::string label_;
  node::Progress progress_;
  std::uint64_t warnings_ = 0;
  transfer::RateEstimator rate_;
  LimitTally limits_;
  TimePoint last_path_{};  // when verbose
};

HumanReporter::HumanReporter(Screen& screen, Verbosity verbosity, std::function<TimePoint()> now)
    : screen_(screen), verbosity_(verbosity), now_(std::move(now)) {}

HumanReporter::~HumanReporter() { screen_.set_status(""); }

void HumanReporter::print(std::string_view text) {
  if (!is_quiet()) screen_.print(text);
}

void HumanReporter::on_listening(const Listening& listening) {
  print(std::format("listening on {} as {}\non the other machine:\n\n    {}\n", listening.address,
                    listening.peer.to_text(), screen_.emphasized(listening.send_command)));
}

void HumanReporter::on_connecting(std::string_view address) {
  if (!is_quiet()) screen_.set_status(std::format("connecting to {} ...", address));
}

void HumanReporter::on_connected(const io::ConnectionInfo& connection) {
  screen_.set_status("");
  print(screen_.faint(connected_line(connection)));
}

void HumanReporter::on_peer_refused(const RefusedPeer& refused) {
  print(std::format("refused {} at {}: {}", refused.peer.to_text(), escape_text(refused.remote_address),
                    refused.reason));
}

void HumanReporter::on_warning(std::string_view text) { print(std::format("warning: {}", text)); }

void HumanReporter::on_problem(const Problem& problem) {
  screen_.set_status("");
  screen_.print(std::format("{} {}", screen_.alarming("jetway:"), problem.text));
  if (!problem.hint.empty()) screen_.print("  " + indented(problem.hint));
}

void HumanReporter::on_resumable(const std::vector<std::string>& /*words*/, std::string_view quoted) {
  screen_.print(std::format("to continue:\n\n    {}\n", screen_.emphasized(quoted)));
}

std::unique_ptr<node::TransferObserver> HumanReporter::observe(Side side, io::Connection connection) {
  return std::make_unique<Transfer>(*this, side, std::move(connection));
}

void HumanReporter::on_tick() {
  const TimePoint now = now_();
  for (Transfer* transfer : running_) transfer->tick(now);
  show_progress();
}

void HumanReporter::show_progress() {
  if (is_quiet()) return;
  if (running_.empty()) {
    screen_.set_status("");
    return;
  }
  if (screen_.is_terminal()) {
    const ProgressView view = running_.front()->view();
    std::string line;
    LineStyle style = screen_.style();
    if (running_.size() > 1) {
      line = std::format("[1 of {}] ", running_.size());
      style.width -= std::min(style.width, line.size());
    }
    screen_.set_status(line + progress_line(view, style));
    return;
  }
  const TimePoint now = now_();
  if (!last_line_) last_line_ = now;
  if (now - *last_line_ < kLineInterval) return;
  last_line_ = now;
  screen_.flush();
  for (const Transfer* transfer : running_) screen_.print(progress_text(transfer->view()));
}

}  // namespace jetway::command
