#pragma once

#include <cstdint>

namespace jetway {

// What a failed operation means for the caller. Every layer has an error type of its own (a code to branch
// on, a reason to show); all of them can say this much.
enum class Severity : std::uint8_t {
  Recoverable,  // worth trying again, perhaps later or elsewhere
  Protocol,     // the peer broke the protocol; this connection is over
  Fatal,        // trying again would end the same way
};

}  // namespace jetway
