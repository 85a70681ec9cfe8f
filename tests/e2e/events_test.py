"""What the command says: JSON events, settings, help, human lines."""

import base64
import json
import os
import pathlib
import re

from jetway import EndToEndTest

GUIDE = pathlib.Path(__file__).parents[2] / "docs/guide"


class EventsTest(EndToEndTest):
    def test_events_are_complete(self):
        self.make_file("top/a", 3_000_000)
        self.make_file("top/b", 10)
        name = os.path.join(os.fsencode(self.root), b"top", b"\xff\xfe")
        with open(name, "wb") as file:
            file.write(b"x")
        receiver = self.bob.listen("--once")
        sender = self.alice.send(self.root / "top", to=receiver.to)
        self.assert_done(sender)
        self.assertEqual(receiver.wait(), 0)
        names = [event["event"] for event in sender.events()]
        self.assertEqual(names[:2], ["connecting", "connected"])
        self.assertEqual(names[-1], "completed")
        self.assertEqual([event["event"] for event in receiver.events()][:2], ["listening", "connected"])
        offered = receiver.events("offered")[0]
        self.assertEqual((offered["peer"], offered["names"]), (self.alice.id, [{"name": "top"}]))
        for process, side in ((sender, "sender"), (receiver, "receiver")):
            completed = process.events("completed")[0]
            self.assertEqual(completed["side"], side)
            self.assertEqual((completed["files"], completed["bytes_total"]), (3, 3_000_011))
            self.assertEqual(completed["transport"], "jsp")
            self.assertGreater(completed["path"]["rtt_ms"], 0)
            self.assertGreater(completed["path"]["mtu"], 1199)
            self.assertEqual(completed["key_exchange"], "X25519+ML-KEM-768")
            self.assertRegex(completed["root"], "^[0-9a-f]{64}$")
            files = process.events("file")
            self.assertEqual(len(files), 3, files)
            odd = [event["name_b64"] for event in files if "name_b64" in event]
            self.assertEqual([base64.b64decode(each) for each in odd], [b"top/\xff\xfe"])
            for event in process.events():
                self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_every_event_is_documented(self):
        source = (pathlib.Path(__file__).parents[2] / "apps/jetway/json_reporter.cc").read_text()
        guide = (GUIDE / "json-events.md").read_text()
        for name in set(re.findall(r'write\("([a-z_]+)"', source)):
            self.assertIn(f"`{name}`", guide)

    def test_people_read_a_result_line(self):
        for protocol in ("jsp", "tcp"):
            with self.subTest(protocol=protocol):
                self.read_result_lines(protocol, self.make_file(f"file-{protocol}", 1_000_000))

    def read_result_lines(self, protocol, file):
        address = f"{protocol}://127.0.0.1:0"
        receiver = self.bob.start("receive", "-l", address, "-d", self.bob.inbox, "--any", "--once")
        command = receiver.wait_for_text(r"jetway send FILE --to (\S+)")
        sender = self.alice.run("send", file, "--to", command.group(1))
        self.assert_done(sender)
        self.assertEqual(receiver.wait(), 0)
        for process, verb in ((sender, "sent"), (receiver, "received")):
            self.assertRegex(process.stderr, verb + r" 1 file, 1\.00 MB in [\d.]+ s, [\d.]+ [kMG]?B/s; 0 B resumed; " + protocol +
                             r", RTT [\d.]+ ms.*; X25519\+ML-KEM-768, \S+; root [0-9a-f]{64}")  # fmt: skip
            self.assertEqual(process.stdout, "")
            self.assertNotIn("\x1b", process.stderr)

    def test_quiet_says_nothing(self):
        file = self.make_file("file", 1000)
        receiver = self.bob.listen()
        sender = self.alice.send(file, to=receiver.to, flags=("--quiet",))
        self.assert_done(sender)
        self.assertEqual(sender.stderr + sender.stdout, "")

    def test_names_are_escaped_for_people(self):
        name = os.path.join(os.fsencode(self.root), b"evil\x1b[2J\n\xff")
        with open(name, "wb") as file:
            file.write(b"x")
        receiver = self.bob.listen()
        sender = self.alice.start_send(os.fsdecode(name), to=receiver.to, flags=())
        self.assertEqual(sender.wait(), 0, sender.stderr)
        self.assertNotIn("\x1b", sender.stderr)

    def test_settings_say_where_they_come_from(self):
        self.alice.configure("[log]\nlevel = 'info'\n[receive]\nmax_files = 7\n")
        shown = self.alice.run("config", "show", "--json", "--log-format", "json",
                               env={"JETWAY_LOG_LEVEL": "debug"})  # fmt: skip
        self.assert_done(shown)
        settings = {event["key"]: event for event in shown.events("setting")}
        self.assertEqual((settings["log.level"]["value"], settings["log.level"]["origin"]), ("debug", "environment"))
        self.assertEqual((settings["receive.max_files"]["value"], settings["receive.max_files"]["origin"]), (7, "file"))
        self.assertTrue(settings["receive.max_files"]["where"].endswith("config.toml:4:13"))
        self.assertEqual(settings["log.format"]["where"], "--log-format")
        self.assertEqual(settings["send.accept_new"]["origin"], "default")
        guide = (GUIDE / "configuration.md").read_text()
        for key in settings:
            self.assertIn(f"`{key}`", guide)

    def test_logs_can_be_json_in_a_file(self):
        file = self.make_file("file", 1000)
        log = self.root / "log"
        receiver = self.bob.listen("--log-level", "debug", "--log-format", "json", "--log-file", log)
        self.assert_done(self.alice.send(file, to=receiver.to))
        receiver.signal(15)
        receiver.wait()
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertTrue(lines and all({"time", "level", "component", "message"} == set(line) for line in lines))

    def test_help_and_version(self):
        for words in (["--help"], ["send", "--help"], ["receive", "--help"], ["id", "--help"], ["--version"]):
            process = self.alice.run(*words)
            self.assert_done(process)
            self.assertTrue(process.stdout)
