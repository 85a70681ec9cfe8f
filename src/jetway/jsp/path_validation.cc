#include "jetway/jsp/path_validation.h"

#include <algorithm>

namespace jetway::jsp {

void PathValidation::start(TimePoint now, Duration interval, Duration limit, RandomSource& random) {
  deadline_ = now + limit;
  interval_ = interval;
  token_count_ = 0;
  challenge(now, random);
}

void PathValidation::challenge(TimePoint now, RandomSource& random) {
  random.fill(tokens_[token_count_++ % kTokensMax]);
  is_challenge_wanted_ = true;
  next_challenge_ = now + interval_;
  interval_ *= 2;
}

void PathValidation::handle(const PathChallengeFrame& frame) {
  if (response_count_ == kResponsesMax) {
    std::ranges::rotate(responses_, responses_.begin() + 1);
    --response_count_;
  }
  responses_[response_count_++] = frame.token;
}

bool PathValidation::handle(const PathResponseFrame& frame) {
  if (!is_running()) return false;
  const auto known = std::span{tokens_}.first(std::min(token_count_, kTokensMax));
  if (!std::ranges::contains(known, frame.token)) return false;
  stop();
  is_challenge_wanted_ = false;
  return true;
}

bool PathValidation::handle_timeout(TimePoint now, RandomSource& random) {
  if (!is_running()) return false;
  if (now >= *deadline_) {
    stop();
    is_challenge_wanted_ = false;
    return true;
  }
  if (now >= next_challenge_) challenge(now, random);
  return false;
}

std::optional<TimePoint> PathValidation::next_timeout() const {
  if (!is_running()) return std::nullopt;
  return std::min(*deadline_, next_challenge_);
}

session::SendInterest PathValidation::send_interest() const {
  return is_challenge_wanted_ || response_count_ > 0 ? session::SendInterest::NewData
                                                     : session::SendInterest::None;
}

void PathValidation::write_frames(TimePoint, wire::PacketWriter& packet, std::uint64_t) {
  while (response_count_ > 0) {
    const PathResponseFrame frame{responses_.front()};
    if (frame_size(frame) > packet.remaining()) return;
    encode_frame(packet.frames(), frame);
    std::ranges::rotate(responses_, responses_.begin() + 1);
    --response_count_;
  }
  if (!is_challenge_wanted_) return;
  const PathChallengeFrame frame{tokens_[(token_count_ - 1) % kTokensMax]};
  if (frame_size(frame) > packet.remaining()) return;
  encode_frame(packet.frames(), frame);
  is_challenge_wanted_ = false;
}

}  // namespace jetway::jsp
