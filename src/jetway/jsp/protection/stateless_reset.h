#pragma once

#include <cstddef>
#include <span>

#include "jetway/base/bytes.h"
#include "jetway/base/random.h"
#include "jetway/jsp/connection_id.h"
#include "jetway/jsp/frame.h"

// The last word of an endpoint that no longer knows a connection (docs/protocol/jsp.md section 4.8, RFC 9000
// section 10.3).
namespace jetway::jsp {

inline constexpr std::size_t kStatelessResetMinBytes = 21;
inline constexpr std::size_t kStatelessResetMaxBytes = 64;

// What a peer will recognise a reset of this connection ID by. `host_key` outlives the process; IDs that are
// empty have no token.
ResetToken make_reset_token(ByteView host_key, const ConnectionId& id);

// A packet that looks like any other with a short header and is shorter than its trigger, so that two hosts
// which know nothing cannot keep each other busy. Returns its bytes; 0: the trigger is too short, no answer.
std::size_t make_stateless_reset(std::size_t trigger_bytes, const ResetToken& token, RandomSource& random,
                                 MutableBytes out);

// Whether a datagram that could not be opened is a reset of an ID with one of these tokens. Takes as long for
// every datagram.
bool is_stateless_reset(ByteView datagram, std::span<const ResetToken> tokens);

}  // namespace jetway::jsp
