#!/bin/bash
# Does every link, profile and topology do what it says, seen from its hosts?
#   ./dev lab --selftest [SECTION ...]     sections: link profiles dual lifecycle (all)
# Uses laboratories named jwself and jwself2 only.
cd "$(dirname "$(readlink -f "$0")")" || exit 2
export JETWAY_LAB_NAME=jwself
passed=0 failed=0 n=./netlab.py

ok()     { if "${@:2}"; then passed=$((passed + 1)); echo "  ok    $1"; else failed=$((failed + 1)); echo "  FAIL  $1"; fi; }
within() { awk -v v="$2" -v lo="$3" -v hi="$4" 'BEGIN { exit !(v != "" && v != "nan" && v + 0 >= lo + 0 && v + 0 <= hi + 0) }' \
           && r=0 || r=1; ok "$1: $2 in $3..$4" test $r = 0; }
equal()  { ok "$1: $2 = $3" test "$2" = "$3"; }
get()    { sed -n "s/^$1 .*[ ]$2=\([^ ]*\).*/\1/p;s/^$1 $2=\([^ ]*\).*/\1/p" <<<"$out" | head -1; }   # of the last probe
probe()  { out=$($n probe "$@"); }
stat()   { $n stats "$1" | sed -n "s/^$1 $2 .*[ ]$3=\([^ ]*\).*/\1/p"; }
up()     { $n up "$@" >/dev/null || { failed=$((failed + 1)); echo "  FAIL  netlab up $*"; }; }
rx()     { $n exec "$1" -- cat /sys/class/net/"$2"/statistics/rx_bytes; }
server() { $n exec -d "$1" -- iperf3 -s >/dev/null; sleep 0.3; }    # a second one on a host ends at once, harmlessly

# rate FROM TO ADDRESS INTERFACE MBIT [BYTES]: Mbit/s that arrive when 1.3 times MBIT is offered
rate()   { local t0 t1 b0 b1 first i; server "$2"; first=$(rx "$2" "$4")
           $n exec "$1" -- iperf3 -u -c "$3" -b "$(awk "BEGIN { print 1.3 * $5 }")M" -l "${6:-1448}" -t 6 >/dev/null 2>&1 &
           for i in $(seq 80); do [ $(($(rx "$2" "$4") - first)) -gt 100000 ] && break; sleep 0.1; done    # it has begun
           sleep 1; b0=$(rx "$2" "$4"); t0=$(date +%s%N); sleep 3; b1=$(rx "$2" "$4"); t1=$(date +%s%N); wait $!
           awk "BEGIN { printf \"%.2f\n\", ($b1 - $b0) * 8000 / ($t1 - $t0) }"; }
# goodput PROFILE_DIR(-R or '') CC SECONDS
goodput() { server b; $n exec a -- iperf3 -c b -C "$2" -t "$3" -O 1 $1 -J | python3 -c '
import json, sys; print(round(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 1e6, 1))'; }

section_link() {
    echo "one impairment at a time"
    up link --delay 50ms; probe a b --count 800
    within "delay ab" "$(get ab delay_ms_p50)" 50 52; within "delay ba" "$(get ba delay_ms_p50)" 50 52
    equal "nothing else happens" "$(get ab loss_percent) $(get ab duplicates) $(get ab reordered)" "0.0 0 0"
    equal "frames had checksums, no super-frames" "$(stat link self verdict)" ok
    $n set link ab delay=80ms; sleep 0.1; probe a b --count 200
    within "delay changed while running, ab" "$(get ab delay_ms_p50)" 80 82; within "but not ba" "$(get ba delay_ms_p50)" 50 52

    up link --loss 5% --seed 2; probe a b --count 6000 --pps 3000
    within "loss 5%, ab" "$(get ab loss_percent)" 4 6; within "ba" "$(get ba loss_percent)" 4 6
    $n link link restart; probe a b --count 1000 --oneway; first=$(get ab received)
    $n link link restart; probe a b --count 1000 --oneway; equal "the same seed loses the same" "$(get ab received)" "$first"
    up link --ab loss=20%; probe a b --count 2000 --pps 2000
    within "loss in one direction, ab" "$(get ab loss_percent)" 17 23; equal "ba" "$(get ba loss_percent)" 0.0

    up link --ge 1%/20%/100%; probe a b --count 6000 --pps 3000     # 4.8 % lost, in bursts of 5 on average
    within "burst loss" "$(get ab loss_percent)" 3 6.6; within "longest burst (ms at 3/ms)" "$(get ab longest_gap_ms)" 3 20

    up link --delay 30ms --jitter 10ms; probe a b --count 2000
    within "jitter, least" "$(get ab delay_ms_min)" 20 25; within "most" "$(get ab delay_ms_p99)" 35 42; equal "keeps the order" "$(get ab reordered)" 0
    up link --delay 30ms --jitter 10ms --jitter-period 0 --overtake 1; probe a b --count 2000
    within "jitter that may overtake reorders" "$(get ab reordered)" 500 2000
    up link --delay 20ms --reorder 10% --reorder-by 10ms; probe a b --count 2000
    within "reordering 10%" "$(get ab reordered)" 150 250; within "held back" "$(get ab delay_ms_p99)" 30 32
    up link --dup 10%; probe a b --count 2000; within "duplication 10%" "$(get ab duplicates)" 150 250
    up link --ab corrupt=100%; probe a b --count 500
    within "corruption is caught by checksums: received" "$(get ab received)" 0 40   # a flipped TTL or port bit may pass or miss
    within "errors counted by the receiver" "$($n exec b -- awk '/^Udp: [0-9]/ { u = $8 } /^Ip: [0-9]/ { i = $5 } END { print u + i }' /proc/net/snmp)" 400 500
    up link --mtu 1000; probe a b --count 50 --size 1100; equal "MTU clamp: bigger packets vanish" "$(get ab received)" 0
    probe a b --count 50 --size 900; equal "smaller ones pass" "$(get ab received)" 50

    up link --delay 5ms --at '1s blackout 500ms'; $n link link restart; probe a b --count 1000
    within "blackout seen (ms without a packet)" "$(get ab longest_gap_ms)" 480 530
    up link --delay 5ms --outage hold --at '1s blackout 500ms'; $n link link restart; probe a b --count 1000
    equal "an outage that holds loses nothing" "$(get ab received)" 1000; within "but delays" "$(get ab delay_ms_max)" 480 530
    up link; $n link down link; probe a b --count 50; equal "link down" "$(get ab received) $(get ba received)" "0 0"
    $n link up link --dir ab; probe a b --count 50; equal "one direction up again" "$(get ab received) $(get ba received)" "50 0"

    up link --rtt 20ms --rate 50mbit --queue 40ms
    within "rate 50 Mbit/s" "$(rate a b b eth0 50)" 47.5 52.5
    within "drop-tail queue of 250 kB, at most used" "$(stat link ab queue_max_bytes)" 240000 250000
    $n exec -d a -- iperf3 -u -c b -b 70M -t 5 >/dev/null; sleep 2; probe a b --count 400 --pps 200
    within "a full queue adds its 40 ms" "$(get ab delay_ms_p50)" 48 53; within "only that way" "$(get ba delay_ms_p50)" 10 12
    up link --rtt 20ms --rate 1gbit; within "rate 1 Gbit/s" "$(rate a b b eth0 1000)" 950 1050
    within "TCP on it (Mbit/s)" "$(up link wan; goodput '' bbr 4)" 850 960
    equal "frames had checksums, no super-frames" "$($n stats link | grep -c offloads)" 0
}

section_profiles() {
    echo "every profile"
    # name   one-way delay, ms   loss, %   Mbit/s ab   (bytes in a datagram)
    while read -r name dlo dhi llo lhi mbit size; do
        up link "$name"; probe a b --count 2000
        within "$name: delay" "$(get ab delay_ms_p50)" "$dlo" "$dhi"; within "$name: loss" "$(get ab loss_percent)" "$llo" "$lhi"
        [ "$mbit" = - ] || within "$name: rate" "$(rate a b b eth0 "$mbit" $size)" "$(awk "BEGIN { print $mbit * 0.95 }")" "$(awk "BEGIN { print $mbit * 1.05 }")"
    done <<'END'
wire       0   1      0    0    -
lan        0   1      0    0    -
wan        10  12     0    0    1000
lfn        50  52     0    0.5  1000
lossy      50  52     1    3.2  100
bursty     30  32     0.2  3.5  100
mobile     25  57     0    0    30
satellite  300 302    0.3  2    20
wifi       0.5 4.5    0    2    80
dsl        15  17     0    0    10
reorder    20  22     0    0    100
dirty      20  22     0.1  1.2  100
blackhole  10  12     0    0    100    1200
END
    up link mobile; probe a b --count 1700 --pps 100      # 17 s: the blackout is from 10 s to 12 s
    within "mobile: blackout seen (ms)" "$(get ab longest_gap_ms)" 1950 2080
    within "mobile: jitter" "$(awk "BEGIN { print $(get ab delay_ms_p99) - $(get ab delay_ms_min) }")" 20 33
    up link blackhole; probe a b --count 20 --size 1300; equal "blackhole: 1300 bytes vanish" "$(get ab received)" 0
}

section_dual() {
    echo "two paths"
    up dual --path1 rtt=10ms,rate=20mbit --path2 rtt=60ms,rate=10mbit,loss=2%
    probe a b --count 400 --via path1; within "path1: delay" "$(get ab delay_ms_p50)" 5 7
    probe a b --count 400 --via path2; within "path2: delay" "$(get ab delay_ms_p50)" 30 32
    route() { $n exec a -- ip route get 10.77.100.2 $1 | grep -o 'dev path.'; }
    equal "an unbound socket takes" "$(route)" "dev path1"; equal "one bound to path2's address takes" "$(route 'from 10.77.2.1')" "dev path2"
    $n link down path1; probe a b --count 50 --via path1; equal "path1 silently down" "$(get ab received)" 0
    equal "which the host does not know" "$(route)" "dev path1"
    probe a b --count 50 --via path2; within "path2 does not care" "$(get ab received)" 40 50
    $n link up path1; probe a b --count 50 --via path1; equal "path1 up" "$(get ab received)" 50
    $n link down path1 --carrier; equal "path1's cable pulled: the host takes" "$(route)" "dev path2"
    $n link up path1 --carrier; equal "and back" "$(route)" "dev path1"
    probe a b --count 50 --via path1; equal "path1 works again" "$(get ab received)" 50
    within "rate of path2 by its own addresses" "$(rate a b b.path2 path2 10)" 9.5 10.5
}

section_lifecycle() {
    echo "coming and going"
    left() { ls /run/netns 2>/dev/null | grep -c "^$1-"; ls -d /etc/netns/$1-* /run/jetway-lab/$1 2>/dev/null | wc -l; pgrep -fc "linkem [l]ink.a.*/run/jetway-lab/$1/"; }
    up link lossy; up link lan; equal "up twice leaves one lab" "$(ls /run/netns | grep -c '^jwself-')" 3
    $n --name jwself2 up dual >/dev/null; equal "two labs" "$($n list | grep -c '^jwself')" 2
    $n down; probe a b 2>/dev/null; equal "down takes one away, all of it" "$(left jwself | xargs)" "0 0 0"
    JETWAY_LAB_NAME=jwself2 probe a b --count 20 --via path2; equal "and not the other" "$(get ab received)" 20
    $n --name jwself2 down; $n down; ok "down again does no harm" $n down
    $n run link lan -- sh -c '$0 exec -d b -- sleep 100; $0 probe a b --count 20' $n >/dev/null; equal "run leaves nothing" "$(left jwself | xargs)" "0 0 0"
    for s in INT TERM; do
        setsid $n run dual -- sleep 30 & sleep 2
        equal "SIG$s: the lab was there" "$(ls /run/netns | grep -c '^jwself-')" 3
        kill -$s $!; wait $!; equal "SIG$s: and is gone" "$(left jwself | xargs)" "0 0 0"
    done
    ok "a wrong link parameter is refused" test "$($n up link dealy=3 2>&1 | grep -c unknown)" = 1
    equal "and leaves nothing" "$(left jwself | xargs)" "0 0 0"
}

[ "$(id -u)" = 0 ] || { echo "selftest.sh needs root"; exit 2; }
mkdir -p /run/jetway-lab; exec 8>/run/jetway-lab/selftest.running; flock -n 8 || { echo "another selftest.sh is running"; exit 2; }
trap '$n down; $n --name jwself2 down' EXIT
for s in "${@:-link profiles dual lifecycle}"; do for x in $s; do section_$x; done; done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
