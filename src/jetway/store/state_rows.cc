#include "jetway/store/state_rows.h"

namespace jetway::store {

void bind_changes(SQLite::Statement& statement, const TransferRecord& transfer) {
  statement.bind(6, static_cast<int>(transfer.state));
  statement.bind(7, transfer.is_finished ? 1 : 0);
  statement.bind(9, milliseconds(transfer.updated));
  statement.bind(10, to_signed(transfer.files));
  statement.bind(11, to_signed(transfer.bytes_total));
  statement.bind(12, to_signed(transfer.bytes_done));
  if (transfer.root) bind_blob(statement, 13, transfer.root->view());
  bind_blob(statement, 14, transfer.error);
}

TransferRecord read_transfer(SQLite::Statement& row) {
  TransferRecord transfer;
  copy_to(transfer.id, blob_of(row.getColumn(0)));
  transfer.direction = static_cast<Direction>(row.getColumn(1).getInt());
  transfer.peer = to_bytes(blob_of(row.getColumn(2)));
  copy_to(transfer.job, blob_of(row.getColumn(3)));
  transfer.directory = text_of(row.getColumn(4));
  transfer.state = static_cast<std::uint8_t>(row.getColumn(5).getInt());
  transfer.is_finished = row.getColumn(6).getInt() != 0;
  transfer.created = wall_time(row.getColumn(7).getInt64());
  transfer.updated = wall_time(row.getColumn(8).getInt64());
  transfer.files = unsigned_of(row.getColumn(9));
  transfer.bytes_total = unsigned_of(row.getColumn(10));
  transfer.bytes_done = unsigned_of(row.getColumn(11));
  transfer.root = crypto::Hash256::from_bytes(blob_of(row.getColumn(12)));
  transfer.error = text_of(row.getColumn(13));
  return transfer;
}

}  // namespace jetway::store
