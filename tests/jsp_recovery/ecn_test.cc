#include "jetway/jsp/recovery/ecn_validation.h"
#include "recovery_fixture.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

TEST(EcnStateTest, FollowsItsDiagram) {
  using enum EcnState;
  using enum EcnEvent;
  struct Arrow {
    EcnState from;
    EcnEvent event;
    EcnState to;
  };
  constexpr Arrow kArrows[] = {
      {Testing, TestSent, Unknown},  {Testing, Unanswered, Unknown},
      {Testing, Validated, Capable}, {Testing, Failed, Off},
      {Unknown, TestSent, Unknown},  {Unknown, Unanswered, Unknown},
      {Unknown, Validated, Capable}, {Unknown, Failed, Off},
      {Capable, TestSent, Capable},  {Capable, Unanswered, Unknown},
      {Capable, Validated, Capable}, {Capable, Failed, Off},
      {Off, TestSent, Off},          {Off, Unanswered, Off},
      {Off, Validated, Off},         {Off, Failed, Off},
  };
  for (const Arrow& arrow : kArrows) EXPECT_EQ(next(arrow.from, arrow.event), arrow.to);
}

class EcnValidationTest : public ::testing::Test {
 protected:
  static constexpr PacketSpace kSpace = PacketSpace::Application;

  void send(int count) {
    for (int i = 0; i < count; ++i) ecn_.on_packet_sent(kSpace, ecn_.to_send());
  }
  // Returns the marks that are news.
  std::uint64_t ack(std::uint64_t packets, std::optional<EcnCounts> counts, bool raises_largest = true) {
    return ecn_.on_ack(kSpace, packets, counts, raises_largest);
  }

  EcnValidation ecn_{true};
};

TEST_F(EcnValidationTest, MarksTenPacketsAndWaits) {
  send(9);
  EXPECT_EQ(ecn_.to_send(), Ecn::Ect0);
  send(1);
  EXPECT_EQ(ecn_.to_send(), Ecn::NotCapable);
  EXPECT_EQ(ecn_.state(), EcnState::Unknown);
  EXPECT_EQ(ack(10, EcnCounts{.ect0 = 10}), 0u);
  EXPECT_EQ(ecn_.state(), EcnState::Capable);
  EXPECT_EQ(ecn_.to_send(), Ecn::Ect0);
}

TEST_F(EcnValidationTest, ReportsWhatTheNetworkMarked) {
  send(10);
  EXPECT_EQ(ack(4, EcnCounts{.ect0 = 3, .ect1 = 0, .congestion_experienced = 1}), 1u);
  EXPECT_EQ(ack(4, EcnCounts{.ect0 = 4, .ect1 = 0, .congestion_experienced = 4}), 3u);
  EXPECT_EQ(ecn_.state(), EcnState::Capable);
}

TEST_F(EcnValidationTest, FailsWhenTheMarksDoNotComeBack) {
  send(5);
  ack(5, std::nullopt);
  EXPECT_EQ(ecn_.state(), EcnState::Off);
  EXPECT_EQ(ecn_.to_send(), Ecn::NotCapable);
}

TEST_F(EcnValidationTest, FailsWhenMarksWereRemoved) {
  send(5);
  ack(5, EcnCounts{.ect0 = 4});
  EXPECT_EQ(ecn_.state(), EcnState::Off);
}

TEST_F(EcnValidationTest, FailsWhenMarksWereChangedToWhatWeNeverSend) {
  send(5);
  ack(5, EcnCounts{.ect0 = 5, .ect1 = 1});
  EXPECT_EQ(ecn_.state(), EcnState::Off);
}

TEST_F(EcnValidationTest, FailsWhenMoreIsReportedThanWasSent) {
  send(5);
  ack(5, EcnCounts{.ect0 = 3, .ect1 = 0, .congestion_experienced = 3});
  EXPECT_EQ(ecn_.state(), EcnState::Off);
}

TEST_F(EcnValidationTest, FailsWhenCountsGoBack) {
  send(8);
  ack(4, EcnCounts{.ect0 = 4});
  EXPECT_EQ(ack(2, EcnCounts{.ect0 = 3, .ect1 = 0, .congestion_experienced = 4}), 0u);
  EXPECT_EQ(ecn_.state(), EcnState::Off);
}

TEST_F(EcnValidationTest, FailsWhenAllThatIsMarkedIsLost) {
  send(10);
  for (int i = 0; i < 10; ++i) ecn_.on_packet_lost(i % 2 == 0 ? Ecn::Ect0 : Ecn::NotCapable);
  EXPECT_EQ(ecn_.state(), EcnState::Unknown);
  for (int i = 0; i < 5; ++i) ecn_.on_packet_lost(Ecn::Ect0);
  EXPECT_EQ(ecn_.state(), EcnState::Off);
}

// Goal: where what is marked does not arrive, that is not tried again and again.
TEST_F(EcnValidationTest, AProbeTimeoutEndsTheTest) {
  send(2);
  ecn_.on_probe_timeout(1);
  EXPECT_EQ(ecn_.to_send(), Ecn::NotCapable);
  ack(1, EcnCounts{.ect0 = 1});
  EXPECT_EQ(ecn_.to_send(), Ecn::Ect0) << "it was something else";
}

TEST_F(EcnValidationTest, APathThatBeginsToDropMarkedPacketsGetsNoMore) {
  send(2);
  ack(2, EcnCounts{.ect0 = 2});
  ecn_.on_probe_timeout(1);
  EXPECT_EQ(ecn_.to_send(), Ecn::Ect0);
  ecn_.on_probe_timeout(2);
  EXPECT_EQ(ecn_.to_send(), Ecn::NotCapable);
}

TEST_F(EcnValidationTest, AHandshakeThatHadToProbeIsFollowedByAnotherTest) {
  send(2);
  ecn_.on_probe_timeout(1);
  ecn_.on_handshake_confirmed();
  EXPECT_EQ(ecn_.to_send(), Ecn::Ect0);
  ecn_.on_probe_timeout(1);
  EXPECT_EQ(ecn_.to_send(), Ecn::NotCapable);
}

TEST_F(EcnValidationTest, TheEndOfTheHandshakeChangesNothingThatIsKnown) {
  send(2);
  ack(2, std::nullopt);
  ecn_.on_handshake_confirmed();
  EXPECT_EQ(ecn_.state(), EcnState::Off);
}

TEST_F(EcnValidationTest, OnceItWorksLossesAreJustLosses) {
  send(10);
  ack(1, EcnCounts{.ect0 = 1});
  for (int i = 0; i < 100; ++i) ecn_.on_packet_lost(Ecn::Ect0);
  EXPECT_EQ(ecn_.state(), EcnState::Capable);
}

TEST_F(EcnValidationTest, AnAckThatWasOvertakenHasOldCounts) {
  send(8);
  ack(4, EcnCounts{.ect0 = 4});
  ack(2, EcnCounts{.ect0 = 2}, false);
  EXPECT_EQ(ecn_.state(), EcnState::Capable);
}

TEST_F(EcnValidationTest, IsTestedAnewOnAnotherPath) {
  send(10);
  ack(10, std::nullopt);
  ecn_.restart();
  EXPECT_EQ(ecn_.to_send(), Ecn::Ect0);
  send(4);
  ack(4, EcnCounts{.ect0 = 14});
  EXPECT_EQ(ecn_.state(), EcnState::Capable) << "the peer's counts go on";
}

TEST_F(EcnValidationTest, CanBeOff) {
  ecn_ = EcnValidation{false};
  EXPECT_EQ(ecn_.to_send(), Ecn::NotCapable);
  ecn_.restart();
  EXPECT_EQ(ecn_.state(), EcnState::Off);
  EXPECT_EQ(ack(0, EcnCounts{.ect0 = 5}), 0u);
}

class EcnRecoveryTest : public RecoveryTest {
 protected:
  EcnRecoveryTest() { confirm(); }
};

TEST_F(EcnRecoveryTest, TheControllerHearsOfMarks) {
  send_many(4);
  ASSERT_TRUE(
      try_ack({{0, 3}}, kApplication, 0ms, EcnCounts{.ect0 = 2, .ect1 = 0, .congestion_experienced = 2}));
  EXPECT_EQ(controller_->last.congestion_marked_packets, 2u);
  EXPECT_EQ(recovery_->statistics().congestion_marked_packets, 2u);
  EXPECT_TRUE(recovery_->statistics().is_ecn_capable);
  EXPECT_EQ(recovery_->ecn_to_send(), Ecn::Ect0);
}

TEST_F(EcnRecoveryTest, WithoutCountsNothingIsMarkedAnyMore) {
  send_many(4);
  ack({{0, 3}});
  EXPECT_EQ(recovery_->ecn_to_send(), Ecn::NotCapable);
  EXPECT_FALSE(recovery_->statistics().is_ecn_capable);
}

}  // namespace
}  // namespace jetway::jsp
