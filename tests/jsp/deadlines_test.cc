#include "jetway/jsp/deadlines.h"

#include <map>
#include <vector>

#include <rapidcheck.h>

#include <rapidcheck/gtest.h>

namespace jetway::jsp {
namespace {

struct Clocked {
  DeadlinePlace place;
};

TimePoint at(int milliseconds) { return TimePoint{} + std::chrono::milliseconds(milliseconds); }

TEST(DeadlinesTest, TheEarliestIsDueFirstAndOnlyWhenItHasCome) {
  Clocked early, late;
  Deadlines<Clocked> deadlines;
  deadlines.set(late, at(20));
  deadlines.set(early, at(10));
  EXPECT_EQ(deadlines.earliest(), at(10));
  EXPECT_EQ(deadlines.due(at(9)), nullptr);
  EXPECT_EQ(deadlines.due(at(10)), &early);
  deadlines.set(early, kNever);
  EXPECT_EQ(deadlines.due(at(30)), &late);
  deadlines.remove(late);
  EXPECT_EQ(deadlines.earliest(), std::nullopt);
  deadlines.remove(late);  // again: nothing happens
}

// Goal: whatever is set, moved and removed, the heap knows the same earliest deadline as a search does.
RC_GTEST_PROP(DeadlinesTest, AgreesWithASearch, ()) {
  constexpr std::size_t kMembers = 12;
  std::vector<Clocked> members(kMembers);
  Deadlines<Clocked> deadlines;
  std::map<std::size_t, int> model;
  const auto steps = *rc::gen::container<std::vector<std::pair<unsigned, unsigned>>>(
      rc::gen::pair(rc::gen::inRange(0u, unsigned{kMembers}), rc::gen::inRange(0u, 40u)));
  for (const auto& [index, value] : steps) {
    if (value == 0) {
      deadlines.remove(members[index]);
      model.erase(index);
    } else {
      deadlines.set(members[index], at(static_cast<int>(value)));
      model[index] = static_cast<int>(value);
    }
    std::optional<TimePoint> earliest;
    for (const auto& [member, milliseconds] : model) {
      if (!earliest || at(milliseconds) < *earliest) earliest = at(milliseconds);
    }
    RC_ASSERT(deadlines.earliest() == earliest);
    if (earliest) {
      const Clocked* const due = deadlines.due(*earliest);
      RC_ASSERT(due != nullptr);
      RC_ASSERT(at(model.at(static_cast<std::size_t>(due - members.data()))) == *earliest);
    }
  }
}

}  // namespace
}  // namespace jetway::jsp
