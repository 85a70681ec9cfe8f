#include "jetway/jsp/path_validation.h"

#include <algorithm>
#include <span>

namespace jetway::jsp {

void PathValidation::start(TimePoint now, Duration interval, Duration limit, RandomSource& random) {
  challenge_ = Challenge{.deadline = now + limit, .next = now, .interval = interval};
  draw_token(now, random);
}

void PathValidation::draw_token(TimePoint now, RandomSource& random) {
  random.fill(challenge_->tokens[challenge_->token_count++ % kTokensMax]);
  challenge_->is_wanted = true;
  challenge_->next = now + challenge_->interval;
  challenge_->interval = std::max(challenge_->interval, std::min(2 * challenge_->interval, kIntervalMax));
}

void PathValidation::handle(const PathChallengeFrame& frame) {
  if (responses_.size() == kResponsesMax) responses_.pop_front();
  responses_.push_back(frame.token);
}

bool PathValidation::handle(const PathResponseFrame& frame) {
  if (!is_running()) return false;
  const auto known = std::span{challenge_->tokens}.first(std::min(challenge_->token_count, kTokensMax));
  if (!std::ranges::contains(known, frame.token)) return false;
  challenge_.reset();
  return true;
}

bool PathValidation::handle_timeout(TimePoint now, RandomSource& random) {
  if (!is_running()) return false;
  if (now >= challenge_->deadline) {
    challenge_.reset();
    return true;
  }
  if (now >= challenge_->next) draw_token(now, random);
  return false;
}

std::optional<TimePoint> PathValidation::next_timeout() const {
  if (!is_running()) return std::nullopt;
  return std::min(challenge_->deadline, challenge_->next);
}

session::SendInterest PathValidation::send_interest() const {
  const bool is_wanted = (challenge_ && challenge_->is_wanted) || !responses_.empty();
  return is_wanted ? session::SendInterest::NewData : session::SendInterest::None;
}

void PathValidation::write_frames(TimePoint, wire::PacketWriter& packet, std::uint64_t) {
  while (!responses_.empty()) {
    const PathResponseFrame frame{responses_.front()};
    if (frame_size(frame) > packet.remaining()) return;
    encode_frame(packet.frames(), frame);
    responses_.pop_front();
  }
  if (!challenge_ || !challenge_->is_wanted) return;
  const PathChallengeFrame frame{challenge_->tokens[(challenge_->token_count - 1) % kTokensMax]};
  if (frame_size(frame) > packet.remaining()) return;
  encode_frame(packet.frames(), frame);
  challenge_->is_wanted = false;
}

}  // namespace jetway::jsp
