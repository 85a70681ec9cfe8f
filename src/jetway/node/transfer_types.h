#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jetway/base/time.h"
#include "jetway/crypto/hash.h"
#include "jetway/crypto/peer_id.h"
#include "jetway/transfer/failure.h"
#include "jetway/transfer/messages.h"
#include "jetway/transfer/progress.h"
#include "jetway/transfer/state.h"

namespace jetway::node {

using transfer::FailureCode;
using transfer::Progress;
using transfer::TransferFailure;
using transfer::TransferState;

using transfer::TransferId;

// What a sender offers, before anything is accepted. Names are the peer's: escape them before showing.
struct OfferSummary {
  TransferId id{};
  crypto::PeerId peer;
  std::vector<std::string> names;  // of the top-level entries, raw bytes
  bool are_names_cut = false;      // there are more than the offer holds
  // Hints, known only if the sender knew them already.
  std::optional<std::uint64_t> files;
  std::optional<std::uint64_t> bytes;
  bool is_resumed = false;  // an earlier attempt of the same job left something here
};

// A file that got another name than the sender's. Raw bytes, relative to the target folder.
struct RenamedFile {
  std::string wanted;
  std::string actual;
};

// A transfer that is complete: every byte verified and stored, roots equal on both sides.
struct TransferSummary {
  TransferId id{};
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_moved = 0;
  std::uint64_t bytes_already_there = 0;  // resumed or found identical
  std::uint64_t bytes_skipped = 0;
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t links = 0;
  std::uint64_t files_skipped = 0;  // existed, and the receiver said --skip
  Duration elapsed{};               // from the acceptance to the confirmation
  crypto::Hash256 root{};
  // At the sender: what could not be read, is no file, or links to outside of what is sent; warned about.
  std::uint64_t left_out = 0;
  std::vector<RenamedFile> renamed{};  // the first kRenamedListed of them
  std::uint64_t renamed_count = 0;
};

inline constexpr std::size_t kRenamedListed = 100;

// A file that is whole: at the sender once its last chunk has been handed over, at the receiver once it is
// under its final name.
struct FileDone {
  std::string_view name;        // as sent, raw bytes
  std::string_view final_name;  // at the receiver; the same as `name` unless renamed
  std::uint64_t bytes = 0;
  std::uint64_t bytes_moved = 0;
  bool is_skipped = false;
};

// Told what happens to a transfer, on the loop's thread, in order; everything it is handed lives only during
// the call. on_progress() comes at most every TransferTuning::progress_interval, all others as they happen. A
// connection serves its transfers one after the other, so at a receiver on_offered() starts a new one.
class TransferObserver {
 public:
  virtual ~TransferObserver() = default;

  virtual void on_offered(const OfferSummary& /*offer*/) {}
  // The receiver runs the same job already; ours continues when that one has ended.
  virtual void on_waiting() {}
  virtual void on_state(TransferState /*state*/) {}
  virtual void on_file_started(std::string_view /*name*/, std::uint64_t /*bytes*/) {}
  virtual void on_file_done(const FileDone& /*file*/) {}
  virtual void on_renamed(const RenamedFile& /*file*/) {}
  virtual void on_progress(const Progress& /*progress*/) {}
  // Something worth a line that does not end the transfer. Safe to show.
  virtual void on_warning(std::string_view /*text*/) {}
  // The end, once per transfer.
  virtual void on_completed(const TransferSummary& /*summary*/) {}
  virtual void on_failed(const TransferFailure& /*failure*/) {}
};

// Memory and concurrency of one side.
struct TransferTuning {
  // Buffers of 1 MiB that a process holds for chunks on their way: the bytes in flight (32 at most). Each
  // costs its size in resident memory; fewer than 4 leave disk and network waiting for each other.
  std::size_t chunk_buffers = 32;
  // Data streams of one transfer, each filled by a reader of its own (100 at most).
  std::size_t data_streams = 4;
  // How often on_progress() is called at most.
  Duration progress_interval = std::chrono::milliseconds{100};
};

// The exit code of the command (docs/guide/exit-codes.md) for the side that shows `failure`.
constexpr int exit_code(const TransferFailure& failure) {
  switch (failure.code) {
    case FailureCode::Refused:
    case FailureCode::LimitExceeded:
      return failure.by_peer ? 3 : 1;
    case FailureCode::Integrity:
      return 4;
    case FailureCode::ConnectionLost:
      return 5;
    case FailureCode::Io:
      return failure.by_peer ? 1 : 6;
    case FailureCode::Cancelled:
      return failure.by_peer ? 5 : 130;
    default:
      return 1;
  }
}

}  // namespace jetway::node
