#include "jetway/jsp/path_validation.h"

#include <vector>

#include <gtest/gtest.h>

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

struct Written {
  std::vector<PathToken> challenges;
  std::vector<PathToken> responses;
};
Written write(PathValidation& validation) {
  std::array<std::byte, 200> memory{};
  wire::PacketWriter packet{memory, memory.size()};
  validation.write_frames({}, packet, 1);
  Written written;
  RangeBuffer ranges;
  wire::Reader in{packet.frames().written()};
  while (!in.is_empty()) {
    const auto frame = decode_frame(in, ranges);
    EXPECT_TRUE(frame.has_value());
    if (const auto* challenge = std::get_if<PathChallengeFrame>(&*frame))
      written.challenges.push_back(challenge->token);
    if (const auto* response = std::get_if<PathResponseFrame>(&*frame))
      written.responses.push_back(response->token);
  }
  return written;
}

TEST(PathValidationTest, AnAnsweredChallengeEndsIt) {
  SeededRandom random{1};
  PathValidation ours;
  PathValidation peers;
  ours.start({}, 100ms, 1s, random);
  const Written challenge = write(ours);
  ASSERT_EQ(challenge.challenges.size(), 1u);
  peers.handle(PathChallengeFrame{challenge.challenges[0]});
  const Written response = write(peers);
  ASSERT_EQ(response.responses.size(), 1u);
  EXPECT_TRUE(ours.handle(PathResponseFrame{response.responses[0]}));
  EXPECT_FALSE(ours.is_running());
  EXPECT_FALSE(ours.handle(PathResponseFrame{response.responses[0]})) << "once is enough";
  EXPECT_EQ(ours.next_timeout(), std::nullopt);
}

TEST(PathValidationTest, AGuessedAnswerIsNone) {
  SeededRandom random{2};
  PathValidation ours;
  ours.start({}, 100ms, 1s, random);
  EXPECT_FALSE(ours.handle(PathResponseFrame{}));
  EXPECT_TRUE(ours.is_running());
}

TEST(PathValidationTest, ItAsksAgainAtGrowingDistancesAndAnyOfTheLastAnswersCounts) {
  SeededRandom random{3};
  PathValidation ours;
  ours.start({}, 100ms, 1s, random);
  std::vector<PathToken> asked = write(ours).challenges;
  std::vector<Duration> times;
  TimePoint now{};
  while (const auto next = ours.next_timeout()) {
    now = *next;
    if (ours.handle_timeout(now, random)) break;
    times.push_back(now.time_since_epoch());
    for (const PathToken& token : write(ours).challenges) asked.push_back(token);
  }
  EXPECT_EQ(times, (std::vector<Duration>{100ms, 300ms, 700ms}));
  EXPECT_EQ(now.time_since_epoch(), 1s) << "then the time is up";
  EXPECT_EQ(asked.size(), 4u);
  EXPECT_FALSE(ours.handle(PathResponseFrame{asked.back()})) << "too late";
}

TEST(PathValidationTest, ALateAnswerToAnEarlierChallengeIsTaken) {
  SeededRandom random{4};
  PathValidation ours;
  ours.start({}, 100ms, 1s, random);
  const PathToken first = write(ours).challenges.at(0);
  ours.handle_timeout(TimePoint{} + 100ms, random);
  EXPECT_TRUE(ours.handle(PathResponseFrame{first}));
}

TEST(PathValidationTest, AFloodOfChallengesIsAnsweredInPart) {
  SeededRandom random{5};
  PathValidation ours;
  std::vector<PathToken> tokens(1000);
  for (PathToken& token : tokens) {
    random.fill(token);
    ours.handle(PathChallengeFrame{token});
  }
  const Written written = write(ours);
  ASSERT_EQ(written.responses.size(), PathValidation::kResponsesMax);
  EXPECT_EQ(written.responses.back(), tokens.back());
  EXPECT_EQ(ours.send_interest(), session::SendInterest::None);
}

}  // namespace
}  // namespace jetway::jsp
