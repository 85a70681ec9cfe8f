#include "jetway/node/admission.h"

#include <gtest/gtest.h>

namespace jetway::node {
namespace {

crypto::PeerId peer(unsigned char number) {
  const std::array bytes = {std::byte{number}};
  return crypto::PeerId{crypto::blake3(bytes)};
}

AdmissionPolicy policy_that_remembers(const crypto::PeerId& id) {
  AdmissionPolicy policy;
  EXPECT_TRUE(
      policy.remembered.add({"friend", id, std::chrono::year_month_day{std::chrono::sys_days{}}, ""}));
  return policy;
}

TEST(AdmissionTest, StrangersAreAskedAboutOrRefused) {
  AdmissionPolicy policy;
  EXPECT_EQ(decide_admission(policy, peer(1)), Admission::Refuse);
  policy.can_ask = true;
  EXPECT_EQ(decide_admission(policy, peer(1)), Admission::Ask);
}

TEST(AdmissionTest, RememberedPeersAreAdmitted) {
  EXPECT_EQ(decide_admission(policy_that_remembers(peer(1)), peer(1)), Admission::Admit);
  EXPECT_EQ(decide_admission(policy_that_remembers(peer(1)), peer(2)), Admission::Refuse);
}

TEST(AdmissionTest, AListAdmitsNobodyElse) {
  AdmissionPolicy policy = policy_that_remembers(peer(1));
  policy.only = {peer(2)};
  policy.can_ask = true;
  EXPECT_EQ(decide_admission(policy, peer(2)), Admission::Admit);
  EXPECT_EQ(decide_admission(policy, peer(1)), Admission::Refuse);
  EXPECT_EQ(decide_admission(policy, peer(3)), Admission::Refuse);
}

TEST(AdmissionTest, AnyAdmitsEverybody) {
  AdmissionPolicy policy;
  policy.any = true;
  EXPECT_EQ(decide_admission(policy, peer(1)), Admission::Admit);
}

}  // namespace
}  // namespace jetway::node
