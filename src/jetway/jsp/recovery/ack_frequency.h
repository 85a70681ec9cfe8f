#pragma once
#include "jetway/session/frame_source.h"
namespace jetway::jsp { class AckFrequency { public: session::SendInterest send_interest() const { return session::SendInterest::None; } void write_frames(TimePoint, wire::PacketWriter&, std::uint64_t) {} void on_packet_acked(std::uint64_t) {} void on_packet_lost(std::uint64_t) {}}; }
