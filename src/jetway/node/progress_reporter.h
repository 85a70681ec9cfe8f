#pragma once

#include "jetway/base/time.h"
#include "jetway/node/transfer_types.h"

namespace jetway::node {

// Passes progress on as often as agreed and not more often.
class ProgressReporter {
 public:
  ProgressReporter(TransferObserver& observer, Duration interval)
      : observer_(observer), interval_(interval) {}

  void report(TimePoint now, const Progress& progress) {
    if (now >= next_ && progress != last_) report_now(now, progress);
  }
  void report_now(TimePoint now, const Progress& progress) {
    last_ = progress;
    next_ = now + interval_;
    observer_.on_progress(progress);
  }

 private:
  TransferObserver& observer_;
  Duration interval_;
  TimePoint next_ = TimePoint::min();
  Progress last_;
};

// Counts the folders and links of a manifest into `summary`.
void count_entries(const transfer::EntryTable& entries, TransferSummary& summary);

}  // namespace jetway::node
