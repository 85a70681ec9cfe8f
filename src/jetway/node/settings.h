#pragma once

#include <cstdint>
#include <expected>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "jetway/node/config.h"

namespace jetway::node {

// The field of a Config that a setting is about, by type.
template <class T>
using FieldOf = T& (*)(Config&);
using Field =
    std::variant<FieldOf<bool>, FieldOf<std::uint64_t>, FieldOf<ByteSize>, FieldOf<std::chrono::milliseconds>,
                 FieldOf<std::string>, FieldOf<std::vector<std::string>>, FieldOf<LogLevel>,
                 FieldOf<LogFormat>, FieldOf<ColorMode>, FieldOf<OnCollision>, FieldOf<OutsideLinks>,
                 FieldOf<FsyncPolicy>, FieldOf<crypto::KeyType>, FieldOf<std::vector<crypto::Suite>>,
                 FieldOf<session::NetworkStatus>, FieldOf<jsp::CongestionAlgorithm>, FieldOf<jsp::FecMode>,
                 FieldOf<jsp::PathSchedule>>;

// The commands that take a setting as a flag; the file and the environment know all settings.
using CommandSet = std::uint8_t;
inline constexpr CommandSet kNoCommand = 0;
inline constexpr CommandSet kSend = 1;
inline constexpr CommandSet kReceive = 2;
inline constexpr CommandSet kId = 4;
inline constexpr CommandSet kShow = 8;
inline constexpr CommandSet kEveryCommand = kSend | kReceive | kId | kShow;

// One setting. A new one is a field in config.h and a line in settings.cc: file, environment, flags, help and
// `jetway config show` follow from it.
struct Setting {
  std::string_view key;  // in the file: table and name
  Field field;
  std::string_view flag;  // with its short form, if any: "-d,--dir"
  CommandSet commands;
  std::string_view value_name;  // in the help; empty for switches
  std::string_view help;
  // Of counts, bytes and milliseconds.
  std::uint64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::int64_t>::max();
};

std::span<const Setting> settings();
// Null when there is none.
const Setting* find_setting(std::string_view key);
// The known key that `key` looks like; empty when none does.
std::string_view similar_setting(std::string_view key);

// "receive.max_bytes" -> "JETWAY_RECEIVE_MAX_BYTES"
std::string environment_name(const Setting& setting);
bool is_switch(const Setting& setting);
bool is_list(const Setting& setting);

// What a value looks like in the file.
enum class ValueShape : std::uint8_t { Boolean, Integer, Text, IntegerOrText, ListOfText };
ValueShape shape(const Setting& setting);
// "a boolean: true or false"; with the words that are possible where there are few.
std::string expected_value(const Setting& setting);

// Sets the field from text; several texts for a list only. The error says what would be right.
std::expected<void, std::string> assign(Config& config, const Setting& setting,
                                        std::span<const std::string> texts);
// The value as assign() reads it back; a list has one text for each element.
std::vector<std::string> value_texts(const Config& config, const Setting& setting);
// The same as the file would have it.
std::string toml_value(const Config& config, const Setting& setting);

}  // namespace jetway::node
