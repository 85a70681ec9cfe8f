#pragma once

#include <gtest/gtest.h>

#include "jetway/base/bytes.h"
#include "jetway/base/random.h"

namespace jetway::crypto::test {

// Hands out the bytes it was given, so that code that draws its keys runs on those of a test vector.
class ScriptedRandom final : public RandomSource {
 public:
  explicit ScriptedRandom(Bytes script) : script_(std::move(script)) {}
  ScriptedRandom(const ScriptedRandom&) = delete;
  ScriptedRandom& operator=(const ScriptedRandom&) = delete;
  ~ScriptedRandom() override { EXPECT_EQ(used_, script_.size()) << "not all of the script was drawn"; }

  void fill(MutableBytes out) override {
    ASSERT_LE(out.size(), script_.size() - used_) << "more was drawn than the script has";
    copy_bytes(out, ByteView{script_}.subspan(used_, out.size()));
    used_ += out.size();
  }

 private:
  Bytes script_;
  std::size_t used_ = 0;
};

}  // namespace jetway::crypto::test
