#include "jetway/node/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <optional>
#include <type_traits>

#include "jetway/base/text.h"
#include "jetway/node/quantity.h"

namespace jetway::node {

namespace {

using std::chrono::milliseconds;

template <auto Group, auto Member>
auto& at(Config& config) {
  return (config.*Group).*Member;
}

constexpr std::uint64_t kHour = 3'600'000;
constexpr std::uint64_t kMiB = 1 << 20;

using C = Config;
using I = IdentitySettings;
using L = LogSettings;
using N = NetworkSettings;
using O = OutputSettings;
using R = ReceiveSettings;
using S = SendSettings;
using T = TransferSettings;

// clang-format off
constexpr Setting kSettings[] = {
    {"receive.dir", at<&C::receive, &R::dir>, "-d,--dir", kReceive, "DIR", "Where files go; it has to exist"},
    {"receive.listen", at<&C::receive, &R::listen>, "-l,--listen", kReceive, "ADDR", "HOST:PORT (JSP and TCP on one port; 0: any free one), jsp://HOST:PORT, tcp://HOST:PORT or unix:///PATH; may be repeated"},
    {"receive.allow", at<&C::receive, &R::allow>, "-a,--allow", kReceive, "PEER", "Take files from this peer (jw... or a name in known_peers) and from no other; may be repeated"},
    {"receive.any", at<&C::receive, &R::any>, "--any", kReceive, "", "Take files from anybody, within --max-bytes and --max-files"},
    {"receive.once", at<&C::receive, &R::once>, "-1,--once", kReceive, "", "End after one transfer, with its exit code"},
    {"receive.yes", at<&C::receive, &R::yes>, "-y,--yes", kReceive, "", "Accept each transfer without asking (never an unknown peer)"},
    {"receive.on_collision", at<&C::receive, &R::on_collision>, "--on-collision", kReceive, "WHAT", "When another file has the name: rename, overwrite or skip"},
    {"receive.max_bytes", at<&C::receive, &R::max_bytes>, "--max-bytes", kReceive, "SIZE", "Most bytes of one transfer; the default holds with --any only", 1},
    {"receive.max_files", at<&C::receive, &R::max_files>, "--max-files", kReceive, "N", "Most files of one transfer; the default holds with --any only", 1, 10'000'000},
    {"receive.fsync", at<&C::receive, &R::fsync>, "--fsync", kReceive, "WHEN", "Make files durable: auto (before the sender hears that all arrived), always (each one) or never"},
    {"receive.allow_outside_links", at<&C::receive, &R::allow_outside_links>, "--allow-outside-links", kReceive, "", "Make links that point out of --dir, of senders that keep them (--outside-links keep)"},

    {"send.to", at<&C::send, &S::to>, "-t,--to", kSend, "[PEER@]ADDR", "Where to: HOST[:PORT] (JSP, or TCP where UDP does not get through), jsp://HOST:PORT, tcp://HOST:PORT or unix:///PATH; PEER@ says who has to answer"},
    {"send.accept_new", at<&C::send, &S::accept_new>, "--accept-new", kSend, "", "Accept and remember a peer that was never met at this address (never one that changed)"},
    {"send.outside_links", at<&C::send, &S::outside_links>, "--outside-links", kSend, "WHAT", "A link to outside of what is sent: warn (left out, exit code 1), skip (left out) or keep (the receiver has to allow it)"},
    {"send.path", at<&C::send, &S::path>, "--path", kSend, "LOCAL_ADDRESS", "An address of this machine to send from (JSP); given several times, all are used at a time, and one may fail"},
    {"send.schedule", at<&C::send, &S::schedule>, "--schedule", kSend, "HOW", "With several --path: aggregate (their rates add up), latency (the fastest, the others stand by) or redundant (everything goes over two)"},

    {"output.json", at<&C::output, &O::json>, "--json", kEveryCommand, "", "One JSON object per line on stdout"},
    {"output.quiet", at<&C::output, &O::quiet>, "-q,--quiet", kSend | kReceive, "", "Nothing but errors and questions on stderr"},
    {"output.verbose", at<&C::output, &O::verbose>, "-v,--verbose", kSend | kReceive, "", "What the path does, every second: round trip, loss, repair, window, rate, and what limits it"},
    {"output.color", at<&C::output, &O::color>, "--color", kSend | kReceive, "WHEN", "auto, always or never"},

    {"identity.file", at<&C::identity, &I::file>, "--identity", kSend | kReceive | kId, "FILE", "Identity key (PEM, mode 0600); made when missing"},
    {"identity.key_type", at<&C::identity, &I::key_type>, "--key-type", kSend | kReceive | kId, "TYPE", "Of a key that is made: ed25519 or ml-dsa-65"},

    {"log.level", at<&C::log, &L::level>, "--log-level", kEveryCommand, "LEVEL", "trace, debug, info, warn, error or off"},
    {"log.format", at<&C::log, &L::format>, "--log-format", kEveryCommand, "FORMAT", "pretty or json"},
    {"log.file", at<&C::log, &L::file>, "--log-file", kEveryCommand, "FILE", "Where log lines go instead of stderr"},
    {"log.file_size", at<&C::log, &L::file_size>, "", kNoCommand, "SIZE", "A log file is rotated when it is larger", 1'000},
    {"log.files", at<&C::log, &L::files>, "", kNoCommand, "N", "Rotated log files that are kept", 0, 1'000},

    {"transfer.buffers", at<&C::transfer, &T::buffers>, "", kNoCommand, "N", "Chunks of 1 MiB on their way per process: memory", 2, 32},
    {"transfer.streams", at<&C::transfer, &T::streams>, "", kNoCommand, "N", "Files or parts of files that are read at a time", 1, 100},

    {"network.status", at<&C::network, &N::status>, "--network", kSend | kReceive, "KIND", "wifi, cellular or unknown: how hard to compress"},
    {"network.background", at<&C::network, &N::background>, "--background", kSend | kReceive, "", "Nobody waits: connections are kept alive at longer intervals"},
    {"network.congestion", at<&C::network, &N::congestion>, "--cc", kSend | kReceive, "ALGORITHM", "Congestion control of JSP: bbr, cubic or newreno"},
    {"network.fec", at<&C::network, &N::fec>, "--fec", kSend | kReceive, "WHEN", "Repair packets of JSP: auto (where packets are lost and waiting would hurt) or off"},
    {"network.suites", at<&C::network, &N::suites>, "", kNoCommand, "SUITE", "AES-256-GCM, ChaCha20-Poly1305, XChaCha20-Poly1305, best first; empty: what this CPU does fast"},
    {"network.clock_tolerance", at<&C::network, &N::clock_tolerance>, "", kNoCommand, "TIME", "How far clocks may be apart before an extra round trip settles it", 1, 24 * kHour},
    {"network.connect_timeout", at<&C::network, &N::connect_timeout>, "--connect-timeout", kSend, "TIME", "For reaching the other machine", 1, kHour},
    {"network.handshake_timeout", at<&C::network, &N::handshake_timeout>, "", kNoCommand, "TIME", "From the first byte to the end of the handshake", 1, kHour},
    {"network.admission_timeout", at<&C::network, &N::admission_timeout>, "", kNoCommand, "TIME", "How long an unknown peer waits for the answer about it", 1, kHour},
    {"network.stalled_timeout", at<&C::network, &N::stalled_timeout>, "", kNoCommand, "TIME", "A peer that takes nothing for so long is given up", 1, 24 * kHour},
    {"network.idle_timeout", at<&C::network, &N::idle_timeout>, "", kNoCommand, "TIME", "A peer that says nothing for so long is given up; 0: never", 0, 24 * kHour},
    {"network.keepalive", at<&C::network, &N::keepalive>, "", kNoCommand, "TIME", "Silence after which we ask whether the peer is there; 0: never", 0, 24 * kHour},
    {"network.keepalive_background", at<&C::network, &N::keepalive_background>, "", kNoCommand, "TIME", "The same with --background", 0, 24 * kHour},
    {"network.connections_max", at<&C::network, &N::connections_max>, "", kNoCommand, "N", "Connections of a receiver at a time", 1, 100'000},
    {"network.socket_buffer", at<&C::network, &N::socket_buffer>, "", kNoCommand, "SIZE", "Send and receive buffer of a socket", 4096, 1024 * kMiB},
    {"network.packet_size", at<&C::network, &N::packet_size>, "", kNoCommand, "SIZE", "Payload of a sealed packet", 1024, 16 * kMiB},
    {"network.stream_window", at<&C::network, &N::stream_window>, "", kNoCommand, "SIZE", "What a peer may have on its way on one stream, at most: memory", 64 * 1024, 1024 * kMiB},
    {"network.connection_window", at<&C::network, &N::connection_window>, "", kNoCommand, "SIZE", "The same for all streams of a connection", 64 * 1024, 4096 * kMiB},
};
// clang-format on

// The words of an enumeration, as users write them.
template <class Enum>
struct Word {
  std::string_view text;
  Enum value;
};
template <class Enum>
constexpr std::array<Word<Enum>, 0> kWords{};
template <>
constexpr std::array kWords<LogLevel> = {
    Word{"trace", LogLevel::Trace}, Word{"debug", LogLevel::Debug}, Word{"info", LogLevel::Info},
    Word{"warn", LogLevel::Warn},   Word{"error", LogLevel::Error}, Word{"off", LogLevel::Off},
};
template <>
constexpr std::array kWords<LogFormat> = {Word{"pretty", LogFormat::Pretty}, Word{"json", LogFormat::Json}};
template <>
constexpr std::array kWords<ColorMode> = {Word{"auto", ColorMode::Auto}, Word{"always", ColorMode::Always},
                                          Word{"never", ColorMode::Never}};
template <>
constexpr std::array kWords<OnCollision> = {Word{"rename", OnCollision::Rename},
                                            Word{"overwrite", OnCollision::Overwrite},
                                            Word{"skip", OnCollision::Skip}};
template <>
constexpr std::array kWords<OutsideLinks> = {
    Word{"warn", OutsideLinks::Warn}, Word{"skip", OutsideLinks::Skip}, Word{"keep", OutsideLinks::Keep}};
template <>
constexpr std::array kWords<session::NetworkStatus> = {Word{"wifi", session::NetworkStatus::Wifi},
                                                       Word{"cellular", session::NetworkStatus::Cellular},
                                                       Word{"unknown", session::NetworkStatus::Unknown}};
template <>
constexpr std::array kWords<jsp::CongestionAlgorithm> = {Word{"bbr", jsp::CongestionAlgorithm::Bbr},
                                                         Word{"cubic", jsp::CongestionAlgorithm::Cubic},
                                                         Word{"newreno", jsp::CongestionAlgorithm::NewReno}};
template <>
constexpr std::array kWords<jsp::FecMode> = {Word{"auto", jsp::FecMode::Auto},
                                             Word{"off", jsp::FecMode::Off}};
template <>
constexpr std::array kWords<jsp::PathSchedule> = {Word{"latency", jsp::PathSchedule::LowestLatency},
                                                  Word{"aggregate", jsp::PathSchedule::Aggregate},
                                                  Word{"redundant", jsp::PathSchedule::Redundant}};
template <>
constexpr std::array kWords<FsyncPolicy> = {
    Word{"auto", FsyncPolicy::Auto}, Word{"always", FsyncPolicy::Always}, Word{"never", FsyncPolicy::Never}};
template <>
constexpr std::array kWords<crypto::KeyType> = {Word{"ed25519", crypto::KeyType::Ed25519},
                                                Word{"ml-dsa-65", crypto::KeyType::MlDsa65}};

template <class Enum>
std::string word_list() {
  std::string list;
  for (const Word<Enum>& word : kWords<Enum>) {
    if (!list.empty()) list += &word == &kWords<Enum>.back() ? " or " : ", ";
    list += word.text;
  }
  return list;
}

using Parsed = std::expected<void, std::string>;

std::unexpected<std::string> out_of_range(const Setting& setting, const std::string& min,
                                          const std::string& max) {
  const bool has_max = setting.max != std::numeric_limits<std::int64_t>::max();
  return std::unexpected(has_max ? std::format("it has to be from {} to {}", min, max)
                                 : std::format("it has to be at least {}", min));
}

bool is_in_range(const Setting& setting, std::uint64_t value) {
  return value >= setting.min && value <= setting.max;
}

Parsed parse_into(bool& out, const Setting& /*setting*/, std::string_view text) {
  for (const auto& [word, value] : {std::pair{"true", true},
                                    {"yes", true},
                                    {"1", true},
                                    {"on", true},
                                    {"false", false},
                                    {"no", false},
                                    {"0", false},
                                    {"off", false}}) {
    if (text != word) continue;
    out = value;
    return {};
  }
  return std::unexpected("it is true or false");
}

Parsed parse_into(std::uint64_t& out, const Setting& setting, std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::unexpected("it is a whole number");
  if (!is_in_range(setting, value)) {
    return out_of_range(setting, format_count(setting.min), format_count(setting.max));
  }
  out = value;
  return {};
}

Parsed parse_into(ByteSize& out, const Setting& setting, std::string_view text) {
  const auto value = parse_size(text);
  if (!value) return std::unexpected(std::string{value.error()});
  if (!is_in_range(setting, *value)) {
    return out_of_range(setting, size_setting(setting.min), size_setting(setting.max));
  }
  out.bytes = *value;
  return {};
}

Parsed parse_into(milliseconds& out, const Setting& setting, std::string_view text) {
  const auto value = parse_duration(text);
  if (!value) return std::unexpected(std::string{value.error()});
  if (!is_in_range(setting, static_cast<std::uint64_t>(value->count()))) {
    return out_of_range(setting, duration_setting(milliseconds{setting.min}),
                        duration_setting(milliseconds{setting.max}));
  }
  out = *value;
  return {};
}

Parsed parse_into(std::string& out, const Setting& /*setting*/, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::unexpected("it must not hold a NUL");
  out = text;
  return {};
}

Parsed parse_into(crypto::Suite& out, const Setting& /*setting*/, std::string_view text) {
  const auto suite = crypto::suite_from_name(text);
  if (!suite) return std::unexpected("a suite is AES-256-GCM, ChaCha20-Poly1305 or XChaCha20-Poly1305");
  out = *suite;
  return {};
}

template <class Enum>
  requires std::is_enum_v<Enum>
Parsed parse_into(Enum& out, const Setting& /*setting*/, std::string_view text) {
  for (const Word<Enum>& word : kWords<Enum>) {
    if (text != word.text) continue;
    out = word.value;
    return {};
  }
  return std::unexpected(std::format("it is {}", word_list<Enum>()));
}

std::string to_setting_text(bool value) { return value ? "true" : "false"; }
std::string to_setting_text(std::uint64_t value) { return std::to_string(value); }
std::string to_setting_text(ByteSize value) { return size_setting(value.bytes); }
std::string to_setting_text(milliseconds value) { return duration_setting(value); }
std::string to_setting_text(const std::string& value) { return value; }
std::string to_setting_text(crypto::Suite value) { return std::string{crypto::suite_name(value)}; }
template <class Enum>
  requires std::is_enum_v<Enum>
std::string to_setting_text(Enum value) {
  for (const Word<Enum>& word : kWords<Enum>) {
    if (word.value == value) return std::string{word.text};
  }
  return {};
}

template <class T>
constexpr bool kIsList = false;
template <class T>
constexpr bool kIsList<std::vector<T>> = true;

template <class T>
constexpr ValueShape kShape = std::is_same_v<T, bool>            ? ValueShape::Boolean
                              : std::is_same_v<T, std::uint64_t> ? ValueShape::Integer
                              : std::is_same_v<T, ByteSize>      ? ValueShape::IntegerOrText
                              : kIsList<T>                       ? ValueShape::ListOfText
                                                                 : ValueShape::Text;

// Calls `action` with the type of the setting's field as a default-constructed pointer.
template <class Action>
decltype(auto) with_type(const Setting& setting, Action action) {
  return std::visit(
      [&]<class T>(T& (*)(Config&)) -> decltype(auto) { return action(static_cast<T*>(nullptr)); },
      setting.field);
}

// Restricted Damerau-Levenshtein distance: a letter missing, extra, wrong or swapped with the next.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool is_swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::span<const Setting> settings() { return kSettings; }

const Setting* find_setting(std::string_view key) {
  const auto* found = std::ranges::find(kSettings, key, &Setting::key);
  return found == std::end(kSettings) ? nullptr : found;
}

std::string_view similar_setting(std::string_view key) {
  constexpr std::size_t kMaxDistance = 3;
  if (key.size() > 64) return {};
  std::string_view best;
  std::size_t best_distance = kMaxDistance + 1;
  const std::string_view name = key.substr(key.rfind('.') + 1);
  for (const Setting& setting : kSettings) {
    const std::string_view setting_name = setting.key.substr(setting.key.rfind('.') + 1);
    const std::size_t distance =
        name == setting_name ? 1 : edit_distance(key, setting.key);  // the right name in the wrong table
    if (distance >= best_distance) continue;
    best = setting.key;
    best_distance = distance;
  }
  return best;
}

std::string environment_name(const Setting& setting) {
  std::string name = "JETWAY_";
  for (const char c : setting.key)
    name.push_back(c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c));
  return name;
}

bool is_switch(const Setting& setting) { return std::holds_alternative<FieldOf<bool>>(setting.field); }
bool is_list(const Setting& setting) { return shape(setting) == ValueShape::ListOfText; }

ValueShape shape(const Setting& setting) {
  return with_type(setting, []<class T>(T*) { return kShape<T>; });
}

std::string expected_value(const Setting& setting) {
  return with_type(setting, []<class T>(T*) -> std::string {
    if constexpr (std::is_enum_v<T>) return std::format("one of the texts {}", word_list<T>());
    if constexpr (std::is_same_v<T, milliseconds>) return "a duration with its unit, as in \"10s\"";
    switch (kShape<T>) {
      case ValueShape::Boolean:
        return "true or false";
      case ValueShape::Integer:
        return "a whole number";
      case ValueShape::IntegerOrText:
        return "a size, as in \"1.5 GiB\" or 1048576";
      case ValueShape::ListOfText:
        return "a list of texts, as in [\"...\", \"...\"]";
      case ValueShape::Text:
        break;
    }
    return "a text in quotation marks";
  });
}

std::expected<void, std::string> assign(Config& config, const Setting& setting,
                                        std::span<const std::string> texts) {
  return std::visit(
      [&]<class T>(T& (*field)(Config&)) -> Parsed {
        if constexpr (kIsList<T>) {
          T values;
          for (const std::string& text : texts) {
            if (auto parsed = parse_into(values.emplace_back(), setting, text); !parsed) return parsed;
          }
          field(config) = std::move(values);
          return {};
        } else {
          if (texts.size() != 1) return std::unexpected("it is one value");
          return parse_into(field(config), setting, texts.front());
        }
      },
      setting.field);
}

std::vector<std::string> value_texts(const Config& config, const Setting& setting) {
  Config copy = config;  // the fields are reached through a mutable Config
  return std::visit(
      [&]<class T>(T& (*field)(Config&)) {
        std::vector<std::string> texts;
        if constexpr (kIsList<T>) {
          for (const auto& element : field(copy)) texts.push_back(to_setting_text(element));
        } else {
          texts.push_back(to_setting_text(field(copy)));
        }
        return texts;
      },
      setting.field);
}

std::string toml_value(const Config& config, const Setting& setting) {
  std::vector<std::string> texts = value_texts(config, setting);
  const auto quote = [](const std::string& text) { return '"' + escape_text(text) + '"'; };
  switch (shape(setting)) {
    case ValueShape::Boolean:
    case ValueShape::Integer:
      return texts.front();
    case ValueShape::Text:
    case ValueShape::IntegerOrText:
      return quote(texts.front());
    case ValueShape::ListOfText:
      break;
  }
  std::string list = "[";
  for (const std::string& text : texts) list += (list.size() > 1 ? ", " : "") + quote(text);
  return list + "]";
}

}  // namespace jetway::node
