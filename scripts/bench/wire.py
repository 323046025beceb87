"""The measurements of wire.sh: interleaved, every server alone on CPU 0 and every client on CPU 1, medians."""

import argparse
import contextlib
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAM = os.environ["BENCH_PROGRAM"]
PYTHON_10 = os.environ["BENCH_VENV10"] + "/bin/python"
PYTHON_11 = os.environ["BENCH_VENV11"] + "/bin/python"
BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
SERVER, CLIENT = ["taskset", "-c", "0"], ["taskset", "-c", "1"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="one round of short measurements")
    parser.add_argument("--rounds", type=int, help="rounds of which the medians are taken")
    parser.add_argument("--seconds", type=float, help="length of one measurement")
    parser.add_argument("--json", help="write everything that was measured to this file")
    parser.add_argument("--no-junk", action="store_true", help="leave the junk flood out")
    parsed = parser.parse_args()
    parsed.rounds = parsed.rounds or (1 if parsed.short else 3)
    parsed.seconds = parsed.seconds or (2 if parsed.short else 6)
    return parsed


ARGS = arguments()


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no resident memory")


class Server:
    """A server on CPU 0 that is stopped while others are measured."""

    def __init__(self, name: str, command: list) -> None:
        self.name, self.port = name, free_port()
        command = [part.replace("PORT", str(self.port)) for part in command]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(SERVER + command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        self.wait_until_it_listens()
        time.sleep(3)
        # taskset becomes the program, so this is the program's own process.
        self.idle_mib = resident_mib(self.process.pid)
        self.pause()

    def wait_until_it_listens(self) -> None:
        for _ in range(600):
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.1)
        self.log.seek(0)
        raise SystemExit(f"{self.name} did not start:\n{self.log.read().decode(errors='replace')[-2000:]}")

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.resume()
        self.process.kill()
        self.process.wait()


def client(*words) -> dict:
    """Runs our tool on CPU 1 and gives its report."""
    run = subprocess.run(
        CLIENT + [PROGRAM, *map(str, words), "--json"], stdout=subprocess.PIPE, timeout=120, check=True
    )
    return json.loads(run.stdout)


def load(server: Server, wire: str, *words) -> dict:
    server.resume()
    report = client(
        "axon", "--target", f"127.0.0.1:{server.port}", "--hotkey", BOB, "--wire", wire,
        "--pid", server.process.pid, "--seconds", ARGS.seconds, *words,
    )  # fmt: skip
    server.pause()
    others = {status: count for status, count in report["outcomes"].items() if status != "200"}
    if others or not report["echoed"] or report["starved"]:
        print(f"! {server.name} {wire}: {others}, echoed {report['echoed']}, starved {report['starved']}", file=sys.stderr)
    return report


def fanout(folder: str) -> tuple:
    """One round of each dendrite against the same 256 axons."""
    count, rounds = (64, 5) if ARGS.short else (256, 20)
    axons = subprocess.Popen(
        SERVER + [PROGRAM, "serve", "--count", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        targets = Path(folder) / "targets.json"
        targets.write_bytes(axons.stdout.readline())
        ours = client("dendrite", "--targets", targets, "--rounds", rounds)
        command = [PYTHON_10, str(HERE / "py_dendrite.py"), str(targets), str(max(rounds // 5, 2)), "1024"]
        run = subprocess.run(
            CLIENT + command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=180, check=True
        )
        return ours, json.loads(run.stdout.splitlines()[-1])
    finally:
        axons.kill()
        axons.wait()


def idle_miner(folder: str) -> float | None:
    """Resident memory of a real miner without a model, on a dev chain. Nothing if the programs are not built."""
    programs = {name: Path(PROGRAM).resolve().parent.parent / name for name in ("localnet", "axoneme", "miner")}
    if not all(program.exists() for program in programs.values()):
        return None
    port, running = free_port(), []

    def start(name: str, *words) -> int:
        log = open(Path(folder) / f"{name}.log", "wb")
        running.append(subprocess.Popen([programs[name], *map(str, words)], cwd=folder, stdout=log, stderr=log))
        return running[-1].pid

    wallet = ["--wallet.name", "idle", "--wallet.path", f"{folder}/wallets"]
    chain = ["--subtensor.network", f"ws://127.0.0.1:{port}"]
    try:
        start("localnet", "--port", port)
        time.sleep(3)
        for step in (["wallet"], ["fund", "--amount", "100", *chain], ["register", "--netuid", "1", *chain]):
            subprocess.run([programs["axoneme"], *step, *wallet], stdout=subprocess.DEVNULL, timeout=60, check=True)
        miner = start("miner", "--netuid", 1, *chain, *wallet, "--axon.port", free_port(), "--miner.type", "echo")
        time.sleep(10)
        return resident_mib(miner)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"! no idle miner: {error}", file=sys.stderr)
        return None
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait()


def measure(servers: dict, folder: str) -> list:
    rounds = []
    for number in range(ARGS.rounds):
        print(f"round {number + 1} of {ARGS.rounds}", file=sys.stderr)
        found = {"verify": client("verify", "--seconds", 0.5)}
        found["axon"] = load(servers["axon"], "v10")
        found["axon_callers"] = load(servers["axon"], "v10", "--callers", 32)
        found["python"] = load(servers["python"], "v10")
        found["axon_btauth"] = load(servers["axon"], "btauth")
        found["kit"] = load(servers["kit"], "btauth")
        found["added"] = client(
            "axon", "--server-cpu", 0, "--rate", 200, "--connections", 16, "--seconds", ARGS.seconds, "--added-latency"
        )
        found["fanout"], found["python_fanout"] = fanout(folder)
        if not ARGS.no_junk:
            found["junk"] = client("axon", "--server-cpu", 0, "--junk-rate", 10000, "--seconds", ARGS.seconds + 2)
        rounds.append(found)
    return rounds


def main() -> None:
    servers = {}
    try:
        servers["axon"] = Server("axon", [PROGRAM, "serve", "--port", "PORT"])
        servers["python"] = Server("python", [PYTHON_10, str(HERE / "py_axon.py"), "PORT"])
        servers["kit"] = Server("kit", [PYTHON_11, str(HERE / "kit_miner.py"), "PORT"])
        idle = {name: server.idle_mib for name, server in servers.items()}
        with tempfile.TemporaryDirectory() as folder:
            idle["miner"] = idle_miner(folder)
            rounds = measure(servers, folder)
    finally:
        for server in servers.values():
            server.end()
    if ARGS.json:
        Path(ARGS.json).write_text(json.dumps({"idle_mib": idle, "rounds": rounds}, indent=1))
    print(table(idle, rounds))


def median(rounds: list, *path) -> float:
    values = []
    for value in rounds:
        for step in path:
            value = value[step]
        values.append(value)
    return statistics.median(values)


def per_cpu(rounds: list, name: str) -> float:
    return median(rounds, name, "server", "requests_per_cpu_second")


def table(idle: dict, rounds: list) -> str:
    def ms(*path) -> float:
        return median(rounds, *path)

    bound = ms("verify", "bound_per_cpu_second")
    ours, ours_btauth = per_cpu(rounds, "axon"), per_cpu(rounds, "axon_btauth")
    python, kit = per_cpu(rounds, "python"), per_cpu(rounds, "kit")
    rows = [
        ("one sr25519 check on one core", f"{ms('verify', 'sr25519_verify_ns') / 1e3:.1f} µs, at most {bound:,.0f} a CPU-second", ""),
        ("our axon, v10, one caller", rate(rounds, "axon"), f"{ours / bound:.0%} of the bound"),
        ("our axon, v10, 32 different callers", rate(rounds, "axon_callers"), f"{per_cpu(rounds, 'axon_callers') / bound:.0%} of the bound"),
        ("Python 10.5 axon, v10", rate(rounds, "python"), f"ours is {ours / python:.0f}×"),
        ("our axon, btauth/1, answers signed", rate(rounds, "axon_btauth"), f"{ours_btauth / bound:.0%} of the bound"),
        ("Python v11 kit, btauth/1, answers signed", rate(rounds, "kit"), f"ours is {ours_btauth / kit:.1f}× (our v10: {ours / kit:.1f}×)"),
        ("added by all checks, 200 requests/s", f"p50 {ms('added', 'added', 'p50_ms'):.3f} ms, p99 {ms('added', 'added', 'p99_ms'):.3f} ms",
         f"whole axon p50 {ms('added', 'added', 'axon_ms', 'p50'):.3f} ms, bare HTTP {ms('added', 'added', 'bare_ms', 'p50'):.3f} ms"),
        (f"our dendrite, {rounds[0]['fanout']['axons']} axons", fan(rounds, "fanout"), ""),
        (f"Python 10.5 dendrite, {rounds[0]['fanout']['axons']} axons", fan(rounds, "python_fanout"),
         f"ours is {ms('python_fanout', 'round_ms', 'p50') / ms('fanout', 'round_ms', 'p50'):.1f}×"),
        ("idle memory: our axon, Python 10.5 axon, kit", f"{idle['axon']:.1f}, {idle['python']:.0f}, {idle['kit']:.0f} MiB",
         f"{idle['python'] / idle['axon']:.0f}× less than Python"),
    ]  # fmt: skip
    if idle["miner"]:
        rows.append(("idle memory: our miner without a model, on a dev chain", f"{idle['miner']:.1f} MiB",
                     f"{idle['python'] / idle['miner']:.0f}× less than Python's axon alone"))  # fmt: skip
    if "junk" in rounds[0]:
        rows.append(junk(rounds))
    lines = ["| what | figure | |", "| --- | --- | --- |", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return f"{cpu}, {os.cpu_count()} cores, {platform.release()}; medians of {len(rounds)} rounds\n\n" + "\n".join(lines)


def rate(rounds: list, name: str) -> str:
    seconds = median(rounds, name, "requests_per_second")
    p99 = median(rounds, name, "latency_ms", "p99")
    return f"{per_cpu(rounds, name):,.0f} a CPU-second ({seconds:,.0f}/s, p99 {p99:.1f} ms)"


def fan(rounds: list, name: str) -> str:
    p50 = median(rounds, name, "round_ms", "p50")
    return f"{p50:.1f} ms a round, {median(rounds, name, 'cpu_ms_per_round'):.1f} ms CPU"


def junk(rounds: list) -> tuple:
    answers = [found["junk"]["outcomes"] for found in rounds]
    good, total = sum(found.get("200", 0) for found in answers), sum(sum(found.values()) for found in answers)
    slowest = max(found["junk"]["junk"]["slow_longest_seconds"] for found in rounds)
    return (
        f"{median(rounds, 'junk', 'junk', 'sent_per_second'):,.0f} junk requests/s",
        f"honest caller: {good} of {total} answered, p99 {median(rounds, 'junk', 'latency_ms', 'p99'):.1f} ms",
        f"memory +{median(rounds, 'junk', 'junk', 'resident_growth_mib'):.1f} MiB, slow connections ended after {slowest:.1f} s",
    )


main()
