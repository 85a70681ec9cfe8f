#include "jetway/transfer/state.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "jetway/transfer/failure.h"

namespace jetway::transfer {
namespace {

using enum TransferState;
using Event = TransferEvent;

// Goal: the transition function is exactly the table of docs/protocol/transfer.md, section 2.
// Method: every pair of state and event, looked up in the table written out here.
TEST(TransferStateTest, EveryPairOfStateAndEventIsAsDocumented) {
  const std::map<std::pair<TransferState, Event>, TransferState> table{
      {{Created, Event::Begin}, Preparing},    {{Preparing, Event::Activate}, Active},
      {{Active, Event::Pause}, Paused},        {{Paused, Event::Resume}, Active},
      {{Active, Event::AllMoved}, Completing}, {{Completing, Event::Confirm}, Completed},
      {{Created, Event::Fail}, Failed},        {{Created, Event::Cancel}, Cancelled},
      {{Preparing, Event::Fail}, Failed},      {{Preparing, Event::Cancel}, Cancelled},
      {{Active, Event::Fail}, Failed},         {{Active, Event::Cancel}, Cancelled},
      {{Paused, Event::Fail}, Failed},         {{Paused, Event::Cancel}, Cancelled},
      {{Completing, Event::Fail}, Failed},     {{Completing, Event::Cancel}, Cancelled},
  };
  for (std::size_t s = 0; s < kTransferStates; ++s) {
    for (std::size_t e = 0; e < kTransferEvents; ++e) {
      const auto state = static_cast<TransferState>(s);
      const auto event = static_cast<Event>(e);
      const auto expected = table.find({state, event});
      const auto to = next(state, event);
      ASSERT_EQ(to.has_value(), expected != table.end()) << to_string(state) << " event " << e;
      if (to) {
        EXPECT_EQ(*to, expected->second) << to_string(state) << " event " << e;
      }
    }
  }
}

TEST(TransferStateTest, NothingLeadsOutOfAFinalState) {
  for (const TransferState state : {Completed, Failed, Cancelled}) {
    EXPECT_TRUE(is_final(state));
    for (std::size_t e = 0; e < kTransferEvents; ++e) {
      EXPECT_EQ(next(state, static_cast<Event>(e)), std::nullopt);
    }
  }
}

TEST(TransferStateTest, EveryStateHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t s = 0; s < kTransferStates; ++s) names.insert(to_string(static_cast<TransferState>(s)));
  EXPECT_EQ(names.size(), kTransferStates);
  EXPECT_EQ(to_string(static_cast<TransferState>(99)), "unknown");
}

TEST(FailureCodeTest, EveryCodeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int code = 1; code <= 11; ++code) names.insert(to_string(static_cast<FailureCode>(code)));
  EXPECT_EQ(names.size(), 11u);
  EXPECT_EQ(to_string(static_cast<FailureCode>(200)), "failed");
}

TEST(FailureCodeTest, OnlyWhatAnotherRunCanContinueIsResumable) {
  EXPECT_TRUE(is_resumable(FailureCode::ConnectionLost));
  EXPECT_TRUE(is_resumable(FailureCode::Cancelled));
  EXPECT_FALSE(is_resumable(FailureCode::Refused));
  EXPECT_FALSE(is_resumable(FailureCode::BadName));
  EXPECT_FALSE(is_resumable(FailureCode::Protocol));
}

}  // namespace
}  // namespace jetway::transfer
