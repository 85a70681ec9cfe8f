#include "tests/jsp_sim/scenario.h"

#include <gtest/gtest.h>

#include "tests/sim/seed.h"

namespace jetway::sim {
namespace {

constexpr std::uint64_t kSeeds = 100;

// Goal: whatever the network does and whoever does what when, all that is promised arrives once and in order,
// the bounds are kept, and it ends.
// Method: scenarios drawn from seeds; ./dev sim runs as many as one likes.
TEST(ScenarioTest, RandomWorkOverRandomNetworksComesToItsEnd) {
  const std::uint64_t first = seed_from_environment(1);
  for (std::uint64_t seed = first; seed < first + kSeeds; ++seed) {
    const ScenarioPlan plan = draw_scenario(seed, 0);
    const ScenarioResult result = run_scenario(plan);
    EXPECT_FALSE(result.failure) << "seed " << seed << ": " << *result.failure << "\n"
                                 << plan.describe() << "repeat with ./dev sim --seeds 1 --from " << seed
                                 << " --trace";
  }
}

TEST(ScenarioTest, TheSameSeedIsTheSameRun) {
  for (const std::uint64_t seed : {11U, 12U, 13U}) {
    const ScenarioPlan plan = draw_scenario(seed, 0);
    const ScenarioResult first = run_scenario(plan);
    const ScenarioResult second = run_scenario(plan);
    EXPECT_EQ(first.fingerprint, second.fingerprint) << "seed " << seed;
    EXPECT_EQ(first.events, second.events) << "seed " << seed;
  }
}

}  // namespace
}  // namespace jetway::sim
