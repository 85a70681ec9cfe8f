#include "jetway/crypto/handshake_state.h"

#include <array>
#include <map>
#include <utility>

#include <gtest/gtest.h>

namespace jetway::crypto {
namespace {

// The tables of docs/protocol/handshake.md section 2; what is not in them has no arrow.

TEST(DialerStateTest, EveryPairIsAsInTheTable) {
  using enum DialerState;
  using enum DialerEvent;
  const std::map<std::pair<DialerState, DialerEvent>, DialerState> table = {
      {{SentInit, RetryAnswered}, SentInitAgain},
      {{SentInit, ResponseVerified}, Done},
      {{SentInitAgain, ResponseVerified}, Done},
      {{SentInit, Error}, Failed},
      {{SentInitAgain, Error}, Failed},
      {{Done, Error}, Failed},
      {{Failed, Error}, Failed},
  };
  for (const DialerState from : {SentInit, SentInitAgain, Done, Failed}) {
    for (const DialerEvent event : {RetryAnswered, ResponseVerified, Error}) {
      const auto arrow = table.find({from, event});
      EXPECT_EQ(next(from, event), arrow == table.end() ? std::nullopt : std::optional{arrow->second});
    }
  }
}

TEST(ListenerStateTest, EveryPairIsAsInTheTable) {
  using enum ListenerState;
  using enum ListenerEvent;
  const std::map<std::pair<ListenerState, ListenerEvent>, ListenerState> table = {
      {{Start, RetrySent}, SentRetry},
      {{Start, InitAccepted}, SentResponse},
      {{SentRetry, InitAccepted}, SentResponse},
      {{SentResponse, ConfirmVerified}, Done},
      {{Start, Error}, Failed},
      {{SentRetry, Error}, Failed},
      {{SentResponse, Error}, Failed},
      {{Done, Error}, Failed},
      {{Failed, Error}, Failed},
  };
  for (const ListenerState from : {Start, SentRetry, SentResponse, Done, Failed}) {
    for (const ListenerEvent event : {RetrySent, InitAccepted, ConfirmVerified, Error}) {
      const auto arrow = table.find({from, event});
      EXPECT_EQ(next(from, event), arrow == table.end() ? std::nullopt : std::optional{arrow->second});
    }
  }
}

}  // namespace
}  // namespace jetway::crypto
