#!/usr/bin/env python3
"""A network laboratory by hand: hosts that are network namespaces, links that lose, delay and reorder.

  netlab.py up link [SPEC]                  hosts a and b, one link between them
  netlab.py up dual [--path1 S] [--path2 S] hosts a and b, two links between them
  netlab.py exec HOST -- COMMAND ...        runs a command in a host (-d: in the background)
  netlab.py run TOPOLOGY ... -- COMMAND ... up, COMMAND (outside the hosts), down
  netlab.py down                            takes the laboratory away, with every process in it

  netlab.py status | list | profiles        what is there
  netlab.py set LINK [ab|ba] SPEC           changes a running link
  netlab.py link LINK down|up|blackout TIME|restart       (also "netlab.py link down LINK")
  netlab.py stats [LINK]                    what linkem has counted so far
  netlab.py probe FROM TO                   one-way delay, loss, reordering as a receiver sees them

--name NAME (jwlab unless said), before or after the command: laboratories of different names are independent.
README.md beside this file says what a SPEC is.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time

import namespaces
from laboratory import Laboratory, run_program
from link_spec import DEFAULTS, PROFILES, LabError, LinkSpec
from probe import Probe


def add_topologies(verb, common):
    kinds = verb.add_subparsers(dest="topology", required=True)
    every = argparse.ArgumentParser(add_help=False, parents=[common])
    every.add_argument("--seed", type=int, default=1, help="of every random decision")
    every.add_argument("--cc", dest="congestion_control", default="cubic", help="TCP's, in every host (cubic)")
    every.add_argument("--sysctl", action="append", metavar="KEY=VALUE", help="in every host")
    every.add_argument("--at", action="append", default=[], metavar="'T COMMAND'", help="for linkem")
    link = kinds.add_parser("link", parents=[every])
    link.add_argument("spec", nargs="?", default="")
    for key in ("rtt", *DEFAULTS):
        link.add_argument("--" + key.replace("_", "-"), dest="set_" + key, metavar="VALUE")
    for direction in ("ab", "ba"):
        link.add_argument("--" + direction, default="", metavar="SPEC", help="one direction only")
    dual = kinds.add_parser("dual", parents=[every])
    dual.add_argument("--path1", type=LinkSpec, default="wifi", metavar="SPEC")
    dual.add_argument("--path2", type=LinkSpec, default="rtt=60ms,rate=30mbit", metavar="SPEC")


def make_parser():
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default=argparse.SUPPRESS)
    parser = argparse.ArgumentParser(prog="netlab.py", description=__doc__, parents=[common],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")

    def add_verb(name, *arguments):
        verb = verbs.add_parser(name, parents=[common])
        for argument in arguments:
            verb.add_argument(argument)
        return verb

    for name in ("up", "run"):
        add_topologies(add_verb(name), common)
    for name in ("down", "status", "list", "profiles"):
        add_verb(name)
    add_verb("exec", "host").add_argument("-d", "--detach", action="store_true", help="in the background, with a log")
    add_verb("set", "link").add_argument("rest", nargs="+", metavar="[ab|ba] SPEC")
    link = add_verb("link", "link", "action")
    link.add_argument("time", nargs="?")
    link.add_argument("--dir", choices=("ab", "ba"))
    link.add_argument("--carrier", action="store_true", help="pull or plug the cable: the hosts see it")
    add_verb("stats").add_argument("link", nargs="?")
    probe = add_verb("probe", "host1", "host2")
    probe.add_argument("--count", type=int, default=1000)
    probe.add_argument("--pps", type=float, default=500)
    probe.add_argument("--size", type=int, default=100, help="bytes of UDP payload")
    probe.add_argument("--via", metavar="INTERFACE", help="between the addresses of this interface (dual)")
    probe.add_argument("--oneway", action="store_true")
    probe.add_argument("--json", action="store_true")
    return parser


def parse(arguments):
    command = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, command = arguments[:at], arguments[at + 1:]
    parser = make_parser()
    options = parser.parse_args(arguments)
    options.name = getattr(options, "name", os.environ.get("JETWAY_LAB_NAME", "jwlab"))
    options.command = command
    if (options.verb in ("exec", "run")) != bool(command):
        parser.error("a command after -- is needed" if not command else "nothing may follow -- here")
    if options.verb in ("up", "run"):
        options.linkem_arguments = [word for event in options.at for word in ("--at", event)]
        if options.topology == "link":
            options.spec = link_spec_of(options)
    return options


def link_spec_of(options):
    spec = LinkSpec(options.spec)
    for key in ("rtt", *DEFAULTS):
        value = getattr(options, "set_" + key)
        if value is not None:
            spec.add(f"{key}={value}")
            spec.text += f",{key}={value}"
    for direction in ("ab", "ba"):
        if text := getattr(options, direction):
            spec.add_direction(direction, text)
    return spec


# ---- what the commands do


def show_profiles():
    for name, (spec, what) in PROFILES.items():
        print(f"{name:10} {what:48} {spec}")


def show_list():
    if os.path.isdir(namespaces.RUN):
        for name in sorted(os.listdir(namespaces.RUN)):
            if os.path.exists(f"{namespaces.RUN}/{name}/state.json"):
                print(name, Laboratory(name).load().topology)


def show_status(lab, _options=None):
    print(f"laboratory {lab.name}: {lab.topology}")
    for host, interfaces in lab.hosts.items():
        addresses = "  ".join(f"{name}: {' '.join(list_of)}" for name, list_of in interfaces.items())
        print(f"  host {host:8} {len(namespaces.process_ids(lab.namespace(host))):3} processes  {addresses}")
    for name, link in lab.links.items():
        how = "plain cable"
        if link["is_emulated"]:
            is_alive = link["pid"] in namespaces.process_ids(lab.namespace("wire"))
            how = f"linkem {link['pid']}" if is_alive else "linkem is DEAD"
        print(f"  link {name:8} {':'.join(link['a'])} -- {':'.join(link['b'])}  {link['spec']}  ({how})")


def execute(lab, options):
    os.environ.update(JETWAY_LAB_NAME=lab.name)
    namespace = lab.namespace(lab.check_host(options.host))
    if not options.detach:
        os.execvp("ip", ["ip", "netns", "exec", namespace, *options.command])
    log = f"{options.host}-{time.monotonic_ns() // 1000000}.log"
    print(lab.spawn(options.host, options.command, log).pid, f"{lab.folder}/{log}")


def change_link(lab, options):
    link, action = options.link, options.action
    if link not in lab.links:
        link, action = action, link
    if action not in ("down", "up", "blackout", "restart"):
        raise LabError(f"what should link '{link}' do? down, up, blackout TIME or restart")
    if options.carrier:
        lab.set_carrier(link, action == "up")
    else:
        lab.control(link, " ".join(filter(None, [action, options.dir, options.time])))


def set_link(lab, options):
    direction = options.rest[0] if len(options.rest) == 2 else None
    lab.set_link(options.link, LinkSpec(options.rest[-1]), direction)


def show_statistics(lab, options):
    for name in [options.link] if options.link else lab.links:
        if lab.link(name)["is_emulated"]:
            for part, values in lab.statistics(name).items():
                print(name, part, *(f"{key}={value}" for key, value in values.items() if value or key in ("in", "out")))


def show_probe(lab, options):
    probe = Probe(lab, options.host1, options.host2, options.size, options.via, options.oneway)
    result = probe.run(options.count, options.pps)
    if options.json:
        print(json.dumps(result))
        return
    for way, values in result.items():
        print(way, *(f"{key}={value}" for key, value in values.items()))


RUNNING = {"status": show_status, "exec": execute, "set": set_link, "link": change_link, "stats": show_statistics,
           "probe": show_probe}


def main(arguments):
    options = parse(arguments)
    if options.verb == "profiles":
        return show_profiles()
    if options.verb == "list":
        return show_list()
    if os.geteuid() != 0:
        raise LabError("network namespaces need root")
    lab = Laboratory(options.name)
    if options.verb in RUNNING:
        return RUNNING[options.verb](lab.load(), options)
    lab.lock()
    if options.verb == "down":
        return lab.down()
    if options.verb == "up":
        lab.up(options.topology, options)
        return show_status(lab)
    try:
        lab.up(options.topology, options)
        return subprocess.call(options.command, env={**os.environ, "JETWAY_LAB_NAME": lab.name})
    finally:
        lab.down()


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    run_program(lambda: sys.exit(main(sys.argv[1:])))
