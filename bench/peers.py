#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same virtual meters, read by others: node_exporter with Prometheus'
increase(), collectd, powerstat; and joulebook, at the same time.

    bench/peers.py build/joulebook [--seconds 180]

Programs are Debian's; what is not installed is left out and named.  Servers
listen on the loopback interface and end with this program.  Each figure is
held against the oracle's truth of the time that the tool itself says it
covers, so that nobody is blamed for a second more or less.
"""

import argparse
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from room import Lab, Stat, fuse_reason, judged  # noqa: E402
from scenarios import FAST  # noqa: E402

SKIP_CODE = 77
WARM_SECONDS = 25  # Prometheus finds its targets, two scrapes of 15 s
PORTS = {"prometheus": 19690, "real": 19701, "fast": 19702}
SCRAPES = (1, 15)
COLLECT_SECONDS = 10  # collectd's default

# Two AMD packages (2^32 counts of 2^-16 J: round every 187 s at 350 W).  Each
# goes round once in three minutes.
REAL = """\
layout real
zone path=intel-rapl:0 name=package-0 unit=2^-16 shown=exact \
wave=const:300W+square:0W,100W,7s,50% start=-1950000000
zone path=intel-rapl:1 name=package-1 unit=2^-16 shown=exact \
wave=const:280W+triangle:0W,140W,11s start=-3000000000
"""
TREES = {"real": REAL, "fast": FAST}


@dataclass
class Figure:
    tool: str
    tree: str
    zone: str
    joules: float
    true: float
    note: str = ""

    def __str__(self):
        error = (self.joules - self.true) / self.true * 100
        return (f"{self.tool:34} {self.tree:5} {self.zone:18} "
                f"{self.joules:16.3f} {self.true:12.3f} {error:+13.4f}  "
                f"{self.note}")


HEADER = (f"{'tool':34} {'tree':5} {'zone':18} {'claimed/J':>16} "
          f"{'true/J':>12} {'error/%':>13}")


def boot_offset_ns():
    """What to add to a UTC time for CLOCK_BOOTTIME."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.time_ns()


class Servers:
    """Processes that end with us."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="jb-peers-")
        self.processes = []

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as stream:
            stream.write(text)
        return self.path(name)

    def start(self, *words, **more):
        log = open(self.path(f"log{len(self.processes)}"), "wb")
        with log:
            process = subprocess.Popen(
                words, stdout=log, stderr=subprocess.STDOUT, **more
            )
        self.processes.append(process)
        return process

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.folder.cleanup()


def versions():
    """Of Debian's packages."""
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version}\n",
         "prometheus-node-exporter", "prometheus", "collectd-core",
         "powerstat"], capture_output=True, text=True, check=False)
    return ", ".join(done.stdout.split("\n")[:-1])


# node_exporter and Prometheus


def start_prometheus(servers, labs):
    exporter = shutil.which("prometheus-node-exporter")
    server = shutil.which("prometheus")
    if not exporter or not server:
        return "node_exporter or Prometheus is not installed"
    jobs = []
    for tree, lab in labs.items():
        servers.start(
            exporter, f"--path.sysfs={lab.root}",
            "--collector.disable-defaults", "--collector.rapl",
            f"--web.listen-address=127.0.0.1:{PORTS[tree]}",
        )
        for seconds in SCRAPES:
            jobs.append(
                f"  - job_name: {tree}-{seconds}\n"
                f"    scrape_interval: {seconds}s\n"
                f"    scrape_timeout: {seconds}s\n"
                f"    static_configs:\n"
                f"      - targets: ['127.0.0.1:{PORTS[tree]}']\n"
            )
    config = servers.write("prom.yml", "scrape_configs:\n" + "".join(jobs))
    servers.start(
        server, f"--config.file={config}",
        f"--storage.tsdb.path={servers.path('tsdb')}",
        f"--web.listen-address=127.0.0.1:{PORTS['prometheus']}",
    )
    return None


def ask_prometheus(query, at_s):
    words = urllib.parse.urlencode({"query": query, "time": f"{at_s:.3f}"})
    url = f"http://127.0.0.1:{PORTS['prometheus']}/api/v1/query?{words}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]["result"]


def zone_of_series(machine, labels):
    """The zone that a series of node_exporter is; it names package and psys
    zones by their own number and has no other sign of a mirror than `path`."""
    path = labels.get("path", "")
    if os.path.basename(path) in machine.zones:
        return os.path.basename(path)
    kind = labels["__name__"].split("_")[2]
    for zone in machine.zones.values():
        parent = machine.zones.get(zone.parent)
        name = zone.name if parent is None else parent.name
        if zone.name.startswith(kind) and name.endswith(labels["index"]):
            return zone.path
    return None


def prometheus_figures(machines, seconds, end_s, offset_ns):
    end_ns = int(end_s * 10**9) + offset_ns
    for tree, machine in machines.items():
        for scrape in SCRAPES:
            query = (f'increase({{__name__=~"node_rapl_.*_joules_total",'
                     f'job="{tree}-{scrape}"}}[{seconds}s])')
            # increase() drops the names: ask for each.
            names = ask_prometheus(
                'count by (__name__) ({__name__=~"node_rapl_.*_joules_total",'
                f'job="{tree}-{scrape}"}})', end_s)
            for name in sorted(n["metric"]["__name__"] for n in names):
                query = (f'increase({name}{{job="{tree}-{scrape}"}}'
                         f'[{seconds}s])')
                for series in ask_prometheus(query, end_s):
                    labels = {**series["metric"], "__name__": name}
                    path = zone_of_series(machine, labels)
                    if path is None:
                        continue
                    true = machine.true_joules(
                        path, end_ns - seconds * 10**9, end_ns)
                    yield Figure(
                        f"node_exporter, increase(), {scrape} s", tree, path,
                        float(series["value"][1]), float(true),
                        f"{name.split('_')[2]} index={labels['index']}")


# collectd


def start_collectd(servers, labs):
    program = shutil.which("collectd", path=os.environ["PATH"] + ":/usr/sbin")
    if not program:
        return "collectd is not installed"
    tables = []
    for tree, lab in labs.items():
        zones = os.path.join(lab.root, "class", "powercap")
        for zone in sorted(os.listdir(zones)):
            file = os.path.join(zones, zone, "energy_uj")
            if not os.path.exists(file):
                continue
            kinds = "".join(
                f'<Result>\nType "{kind}"\nInstancePrefix "{kind}"\n'
                "ValuesFrom 0\n</Result>\n" for kind in ("derive", "counter"))
            tables.append(
                f'<Table "{file}">\nPlugin "rapl"\n'
                f'Instance "{tree}+{zone.replace(":", "_")}"\n'
                f'Separator " "\n{kinds}</Table>\n')
    config = servers.write("collectd.conf", f"""\
Hostname "lab"
FQDNLookup false
Interval {COLLECT_SECONDS}
BaseDir "{servers.folder.name}"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin table
LoadPlugin csv
<Plugin csv>
DataDir "{servers.path('csv')}"
StoreRates true
</Plugin>
<Plugin table>
{''.join(tables)}</Plugin>
""")
    servers.start(program, "-f", "-C", config,
                  "-P", servers.path("collectd.pid"))
    return None


def collectd_figures(servers, machines, window_ns, offset_ns):
    """Its rates, each for the time since the one before."""
    root = servers.path(os.path.join("csv", "lab"))
    for folder in sorted(os.listdir(root)):
        tree, zone = folder.removeprefix("rapl-").split("+")
        zone = zone.replace("_", ":")
        for kind in ("derive", "counter"):
            rows = collectd_rows(os.path.join(root, folder), kind)
            rows = [(int(t * 10**9) + offset_ns, rate) for t, rate in rows]
            rows = [r for r in rows if window_ns[0] <= r[0] <= window_ns[1]]
            if len(rows) < 2:
                continue
            steps = list(zip(rows, rows[1:]))
            joules = sum((b[0] - a[0]) / 1e9 * b[1] / 1e6 for a, b in steps
                         if b[1] == b[1])
            lost = sum(1 for _, b in steps if b[1] != b[1])
            true = machines[tree].true_joules(zone, rows[0][0], rows[-1][0])
            yield Figure(f"collectd, {kind.upper()}, {COLLECT_SECONDS} s",
                         tree, zone, joules, float(true),
                         f"{lost} of {len(steps)} values nan" if lost else "")


def collectd_rows(folder, kind):
    rows = []
    for name in sorted(os.listdir(folder)):
        if not name.startswith(kind + "-"):
            continue
        with open(os.path.join(folder, name), encoding="ascii") as stream:
            for row in csv.reader(stream):
                if row[0] != "epoch":
                    rows.append((float(row[0]), float(row[1])))
    return rows


# powerstat


def start_powerstat(servers, lab, seconds):
    """It reads /sys/class/powercap: in a mount namespace of its own, that is
    the lab's.  Version 03.01 takes zones of type intel-rapl-mmio only and finds
    "no RAPL domains" else; so that it can say anything, they are called that.
    """
    program = shutil.which("powerstat")
    if not program:
        return None, "powerstat is not installed"
    script = (
        "mount -t tmpfs tmpfs /sys/class && mkdir /sys/class/powercap && "
        f'for zone in "{lab.root}"/class/powercap/*:*; do '
        'name=${zone##*/}; ln -s "$zone" '
        '"/sys/class/powercap/intel-rapl-mmio:${name#*:}"; done && '
        f'exec "{program}" -R -n -d 0 1 {seconds}'
    )
    out = open(servers.path("powerstat.out"), "wb")
    process = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", script], stdout=out,
        stderr=subprocess.STDOUT)
    out.close()
    servers.processes.append(process)
    return process, None


def powerstat_figures(servers, tree, machine, window_ns):
    with open(servers.path("powerstat.out"), encoding="utf-8",
              errors="replace") as stream:
        text = stream.read()
    found = re.search(r"^\s*Average\s+(.*)$", text, re.M)
    if not found:
        yield "powerstat: " + " / ".join(text.strip().splitlines()[-3:])
        return
    watts = float(found.group(1).split()[-1])
    rows = re.findall(r"^\d\d:\d\d:\d\d\s.*?([\d.]+)\s*$", text, re.M)
    tops = [p for p, z in machine.zones.items() if z.parent is None]
    true = sum(machine.true_joules(p, *window_ns) for p in tops
               if not machine.zones[p].mirror
               and not machine.zones[p].inside)
    seconds = (window_ns[1] - window_ns[0]) / 1e9
    yield Figure("powerstat -R, 1 s", tree, "all", watts * seconds,
                 float(true),
                 f"average {watts} W of {len(rows)} rows; zones renamed to "
                 "intel-rapl-mmio:N, it takes no others")


# joulebook


def joulebook_figures(tree, machine, text):
    measured, zones, verdicts = judged(machine, text)
    for index, domain in enumerate(measured.domains):
        zone = zones[index]
        span = domain.counts.first_ns, domain.counts.last_ns
        note = (f"+- {float(domain.uncertainty_j):.3f} J, "
                f"{machine.wraps_between(zone, *span)} wraps")
        if domain.gap_bound_j:
            note += f", a gap of at most {float(domain.gap_bound_j):.1f} J"
        yield Figure("joulebook stat", tree, zone, float(domain.energy_j),
                     float(machine.true_joules(zone, *span)), note)
    for verdict in verdicts:
        if verdict.outcome == "FAIL":
            yield str(verdict)


def run(args, servers, labs):
    offset_ns = boot_offset_ns()
    notes = [start_prometheus(servers, labs), start_collectd(servers, labs)]
    time.sleep(WARM_SECONDS)
    start_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    process, note = start_powerstat(servers, labs["real"], args.seconds)
    notes.append(note)
    stats = {tree: Stat(args.program, lab, args.seconds)
             for tree, lab in labs.items()}
    texts = {tree: stat.end() for tree, stat in stats.items()}
    end_s = time.time()
    end_ns = int(end_s * 10**9) + offset_ns
    if process:
        process.wait(30)
    time.sleep(COLLECT_SECONDS + 2)  # what was read is on the disk
    machines = {tree: lab.machine() for tree, lab in labs.items()}
    rows = []
    for tree, machine in machines.items():
        rows += joulebook_figures(tree, machine, texts[tree])
    if not notes[0]:
        rows += prometheus_figures(machines, args.seconds, end_s, offset_ns)
    if not notes[1]:
        rows += collectd_figures(servers, machines, (start_ns, end_ns),
                                 offset_ns)
    if not notes[2]:
        rows += powerstat_figures(servers, "real", machines["real"],
                                  (start_ns, end_ns))
    if args.keep:
        shutil.copytree(servers.folder.name, args.keep, dirs_exist_ok=True)
    return rows, [note for note in notes if note]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="build/joulebook")
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--keep", help="copy logs and files there")
    args = parser.parse_args()
    reason = fuse_reason()
    if reason:
        print(f"skipped: {reason}")
        return SKIP_CODE
    servers, labs = Servers(), {}
    try:
        for tree, layout in TREES.items():
            labs[tree] = Lab(args.program, layout)
        rows, notes = run(args, servers, labs)
    finally:
        servers.close()
        for lab in labs.values():
            lab.close()
    print(f"{versions()}\n\n{args.seconds} s; error = (claimed - true) / "
          f"true\n{HEADER}")
    for row in rows:
        print(row)
    for note in notes:
        print(f"left out: {note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
