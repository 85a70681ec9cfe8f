#include "jetway/node/control_link.h"

namespace jetway::node {

transfer::TransferFailure connection_lost() {
  return {
      .code = transfer::FailureCode::ConnectionLost,
      .reason = "the connection was lost; what has arrived is kept, run the same command again to continue"};
}

io::Task<bool> ControlLink::write(Bytes framed_message) {
  const auto written = co_await stream_.write(ByteView{framed_message});
  co_return written.has_value();
}

io::Task<transfer::TransferResult<std::optional<ByteView>>> ControlLink::read() {
  for (;;) {
    auto message = decoder_.next();
    if (!message || *message) co_return message;
    const auto got = co_await stream_.read(input_);
    if (!got) co_return std::unexpected(connection_lost());
    if (got->bytes == 0 && got->is_end) co_return std::nullopt;
    decoder_.feed(ByteView{input_}.first(got->bytes));
  }
}

}  // namespace jetway::node
