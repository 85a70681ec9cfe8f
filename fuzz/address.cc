// Text to an address: it is refused, or its text form reads back as the same endpoint.

#include "jetway/transport/address.h"

#include <cstddef>
#include <cstdint>

#include "jetway/base/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using jetway::transport::Address;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto address = Address::parse(text);
  if (!address) {
    JETWAY_ASSERT(!address.error().detail.empty());
    return 0;
  }
  const auto again = Address::parse(address->to_text());
  // A host that nobody wrote has no text of its own; "tcp://:0" is read back as such.
  JETWAY_ASSERT(again && again->endpoint == address->endpoint);
  return 0;
}
