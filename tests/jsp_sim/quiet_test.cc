#include <gtest/gtest.h>

#include "tests/jsp_sim/jsp_pair.h"
#include "tests/sim/seed.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;

// Goal: a dialer that has been silent for long goes on from another address, and both ends use it.
// Method: no keepalive, so that nothing goes for a minute; then migrate() comes before anything else.
TEST(QuietConnectionTest, MigratesOutOfTheSilence) {
  const LinkConfig link{.delay = 10ms, .rate = 12'500'000, .queue = {.limit_bytes = 500'000}};
  JspPairConfig config;
  config.seed = seed_from_environment(11);
  config.there = config.back = link;
  config.more_paths = {{link, link}};
  for (jsp::JspConfig* side : {&config.dialer, &config.listener}) {
    side->session.keepalive = side->session.idle_timeout = 0ms;
  }
  JspPair pair(config);
  ASSERT_TRUE(pair.connect()) << pair.report();
  pair.run_for(1min);
  pair.dialer_host.command(pair.dialer(), [](Now now, jsp::Connection& engine) {
    EXPECT_TRUE(engine.migrate(now, JspPair::dialer_address(1)));
  });
  EXPECT_TRUE(pair.transfer_to_listener(500'000)) << pair.report();
  pair.run_for(1min);
  EXPECT_TRUE(pair.transfer_to_dialer(500'000)) << pair.report();
  ASSERT_EQ(pair.dialer().engine().paths().size(), 1u);
  EXPECT_TRUE(pair.dialer().engine().paths().front().local.has_same_address(JspPair::dialer_address(1)));
  EXPECT_TRUE(pair.close()) << pair.report();
}

}  // namespace
}  // namespace jetway::sim
