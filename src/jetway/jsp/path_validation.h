#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "jetway/base/queue.h"
#include "jetway/base/random.h"
#include "jetway/base/rare.h"
#include "jetway/base/time.h"
#include "jetway/jsp/frame.h"
#include "jetway/session/frame_source.h"
#include "jetway/wire/packet_writer.h"

namespace jetway::jsp {

// That somebody answers at the other end of a path (RFC 9000 section 8.2): a challenge of 8 random bytes that
// comes back, repeated until it does or time is up; and the answers to the peer's challenges.
class PathValidation {
 public:
  // Answers that wait; of more challenges the oldest go unanswered: whoever sends so many has no need of all.
  static constexpr std::size_t kResponsesMax = 4;

  // Challenges grow no further apart (unless they are from the start), so that a path that was down is found
  // soon after it is back.
  static constexpr Duration kIntervalMax = std::chrono::seconds(4);

  // Challenges the peer, again after `interval` and then ever later, for as long as `limit`.
  void start(TimePoint now, Duration interval, Duration limit, RandomSource& random);
  bool is_running() const { return challenge_.has_value(); }

  void handle(const PathChallengeFrame& frame);
  // True: this is the answer that we wait for, and the path is validated.
  bool handle(const PathResponseFrame& frame);

  // True: the time is up without an answer.
  bool handle_timeout(TimePoint now, RandomSource& random);
  std::optional<TimePoint> next_timeout() const;

  session::SendInterest send_interest() const;
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t record);
  // Neither is repeated for its own loss: the challenge is by its timer, the answer when it is asked again.
  void on_packet_acked(std::uint64_t) {}
  void on_packet_lost(std::uint64_t) {}

 private:
  static constexpr std::size_t kTokensMax = 3;  // any of the last few may be answered

  struct Challenge {
    TimePoint deadline;
    TimePoint next;
    Duration interval;
    bool is_wanted = false;
    std::array<PathToken, kTokensMax> tokens{};
    std::size_t token_count = 0;  // in all; the last kTokensMax are remembered
  };
  void draw_token(TimePoint now, RandomSource& random);

  Rare<Challenge> challenge_;  // while no answer has come
  Queue<PathToken> responses_;
};
static_assert(session::FrameSource<PathValidation>);

}  // namespace jetway::jsp
