"""What a link does: profiles, and SPECs that a person writes ("lossy", "rtt=80ms,rate=50mbit", "wan,ab:loss=1%")."""

import re


class LabError(Exception):
    """Something that the user of the laboratory can mend."""


# One-way delay is half of rtt; loss is per direction; queue is the drop-tail limit.
PROFILES = {
    "wire": ("direct", "plain veth, no emulator at all"),
    "lan": ("", "through linkem, no impairment"),
    "wan": ("rtt=20ms,rate=1gbit,queue=20ms", "a good wide-area path"),
    "lfn": ("rtt=100ms,rate=1gbit,queue=50ms,loss=0.1%", "long fat network"),
    "lossy": ("rtt=100ms,rate=100mbit,queue=50ms,loss=2%", "independent random loss"),
    "bursty": ("rtt=60ms,rate=100mbit,queue=50ms,ge=0.2%/10%/60%", "Gilbert-Elliott bursts, 1.2% in all"),
    "mobile": ("rtt=80ms,jitter=15ms,rate=30mbit,queue=200ms,blackout=10s+20s/2s", "LTE: 80 +- 30 ms, blackouts"),
    "satellite": ("rtt=600ms,rate=20mbit,queue=300ms,loss=1%", "geostationary"),
    "wifi": ("rtt=4ms,jitter=2ms,jitter_period=0,rate=80mbit,queue=60ms,ge=0.5%/30%/40%", "busy 2.4 GHz"),
    "dsl": ("rtt=30ms,ab:rate=10mbit,ba:rate=50mbit,queue=250ms", "asymmetric, bloated buffers; a is the home"),
    "reorder": ("rtt=40ms,rate=100mbit,reorder=3%,reorder_by=2ms", "3% of the frames arrive 2 ms late"),
    "dirty": ("rtt=40ms,rate=100mbit,corrupt=0.5%,dup=1%", "flipped bits and duplicates"),
    "blackhole": ("rtt=20ms,rate=100mbit,mtu=1280", "packets above 1280 bytes vanish, no ICMP"),
}

# linkem's own.
DEFAULTS = {"delay": "0", "jitter": "0", "jitter_period": "50ms", "overtake": "0", "rate": "0", "overhead": "0",
            "queue": "50ms", "loss": "0", "ge": "0", "dup": "0", "corrupt": "0", "reorder": "0", "reorder_by": "5ms",
            "mtu": "0", "outage": "drop"}


class LinkSpec:
    """A parsed SPEC: linkem's parameters of each direction, scheduled events, or a direct cable."""

    def __init__(self, text=""):
        self.ab, self.ba = {}, {}
        self.events = []
        self.is_direct = False
        self.profile = None
        self.text = text or "lan"
        self.add(text)

    def add(self, text):
        for item in filter(None, (part.strip() for part in text.split(","))):
            self._add_item(item)

    def add_direction(self, name, text):
        """`text` holds for the direction "ab" or "ba" only."""
        getattr(self, name).update(getattr(LinkSpec(text), name))
        self.text += f",{name}({text})"

    def _add_item(self, item):
        directions, rest = (self.ab, self.ba), item
        if item[:3] in ("ab:", "ba:"):
            directions, rest = (getattr(self, item[:2]),), item[3:]
        key, equals, value = rest.partition("=")
        if item == "direct":
            self.is_direct = True
        elif not equals and key in PROFILES:
            self.profile = key
            self.add(PROFILES[key][0])
        elif not equals:
            raise LabError(f"'{key}' is neither a profile ({', '.join(PROFILES)}) nor key=value")
        elif key == "blackout":  # START[+PERIOD]/LENGTH
            when, _, length = value.partition("/")
            one_way = "" if len(directions) == 2 else item[:2] + " "
            self.events.append(f"{when} blackout {one_way}{length}")
        elif key == "rtt" or key in DEFAULTS:
            if key == "rtt":
                key, value = "delay", half_of(value)
            for direction in directions:
                direction[key] = value
        else:
            raise LabError(f"unknown link parameter '{key}'")

    def for_linkem(self, direction, with_defaults=False):
        """"k=v,k=v"; with every default it replaces what was there before."""
        parameters = getattr(self, direction)
        if with_defaults:
            parameters = {**DEFAULTS, **parameters}
        return ",".join(f"{key}={value}" for key, value in parameters.items())

    def linkem_arguments(self):
        arguments = []
        for direction in ("ab", "ba"):
            if getattr(self, direction):
                arguments += [f"--{direction}", self.for_linkem(direction)]
        for event in self.events:
            arguments += ["--at", event]
        return arguments


def half_of(time):
    match = re.fullmatch(r"([\d.]+)([a-z]*)", time)
    if not match:
        raise LabError(f"'{time}' is not a time")
    number, unit = match.groups()
    return f"{float(number) / 2:g}{unit}"
