// A peer that says anything in any order, to both coordinators: messages and units out of the input, disk
// work done at once. Nothing asserts, and every output can be taken.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "jetway/transfer/receive_coordinator.h"
#include "jetway/transfer/send_coordinator.h"
#include "jetway/wire/reader.h"

namespace {

using namespace jetway;
using namespace jetway::transfer;

void prepare(ReceiveCoordinator& receiver, const ReceiveCoordinator::EntriesArrived& batch) {
  for (EntryIndex i = batch.first; i < batch.first + batch.count; ++i) {
    const Entry entry = receiver.entries()[i];
    const std::vector<crypto::Hash256> found(1);  // something is there of every other file
    if (entry.type == EntryType::File && entry.size > 0 && i % 2 == 0) receiver.on_found(i, 0, found);
  }
  receiver.on_prepared(batch.first + batch.count, {});
}

void drain(ReceiveCoordinator& receiver) {
  while (const auto event = receiver.poll_event()) {
    if (std::holds_alternative<ReceiveCoordinator::Offered>(*event)) receiver.accept();
    if (const auto* batch = std::get_if<ReceiveCoordinator::EntriesArrived>(&*event))
      prepare(receiver, *batch);
    if (std::holds_alternative<ReceiveCoordinator::ReadyToFinish>(*event)) receiver.on_durable();
  }
  while (receiver.poll_message()) continue;
}

void take_unit(ReceiveCoordinator& receiver, ByteView table) {
  const auto records = decode_unit_table(table);
  if (!records || !receiver.handle_unit(*records)) return;
  for (const UnitRecord& record : *records) {
    if (receiver.on_chunk_stored(record)) receiver.on_committed(record.file);
  }
}

void drain(SendCoordinator& sender) {
  while (sender.poll_event()) continue;
  while (sender.poll_message()) continue;
  while (const auto job = sender.poll_job()) {
    std::vector<UnitRecord> records;
    for (const ReadPiece& piece : *job) records.push_back(make_record(piece, {}));
    sender.on_job_read(records);
    sender.on_unit_written(records);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  wire::Reader in(std::as_bytes(std::span{data, size}));
  ReceiveCoordinator receiver({.bytes_max = 1u << 30, .entries_max = 64, .open_files_max = 4});
  SendCoordinator sender(Offer{.chunk_bytes = kChunkBytes});
  sender.begin();
  bool has_announced = false;
  while (!in.is_empty()) {
    const std::uint8_t kind = in.u8();
    const ByteView bytes = in.sized_bytes(4096);
    if (kind % 3 == 0) receiver.handle_message(bytes);
    if (kind % 3 == 1) take_unit(receiver, bytes);
    if (kind % 3 == 2) sender.handle_message(bytes);
    if (sender.wants_entries() && !has_announced) {
      has_announced = true;
      const Entry entries[] = {{.type = EntryType::Directory, .path = "d"},
                               {.path = "d/big", .size = 2 * kChunkBytes + 5},
                               {.path = "d/small", .size = 9},
                               {.path = "d/zero"}};
      sender.add_entries(entries);
      sender.end_entries();
    }
    drain(receiver);
    drain(sender);
  }
  return 0;
}
