// Bytes to the decoder of control messages, manifests among them: it refuses, or what it read encodes to
// something that reads the same again. Entries then go through the check of names.

#include "jetway/transfer/manifest.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include "jetway/base/assert.h"
#include "jetway/transfer/message_stream.h"
#include "jetway/transfer/messages.h"
#include "jetway/transfer/safe_path.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jetway;
  using namespace jetway::transfer;
  const ByteView input = std::as_bytes(std::span{data, size});
  const auto message = decode_message(input);
  if (message) {
    const Bytes encoded = encode_message(*message);
    const auto again = decode_message(encoded);
    JETWAY_ASSERT(again && *again == *message);
    if (const auto* batch = std::get_if<Entries>(&*message)) {
      EntryCheck check;
      EntryTable table;
      for (const Entry& entry : batch->entries) {
        if (!check.pass(entry)) break;
        JETWAY_ASSERT(check_path(entry.path));
        JETWAY_ASSERT(table[table.append(entry)] == entry);
      }
    }
  }
  MessageDecoder decoder(4096);
  decoder.feed(input);
  for (;;) {
    const auto framed = decoder.next();
    if (!framed || !*framed) return 0;
  }
}
