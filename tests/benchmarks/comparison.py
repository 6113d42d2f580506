"""What a step costs beside what else one would pick: `python -m tests.benchmarks.comparison [--quick]`.

The same five steps on the same server, by this package and by each library of `others/`, each in an environment of its
own (made once in `--environments FOLDER`, else in a temporary folder). All take turns, and each is held against the mcp
client of its own environment: the added cost is a run with the library minus the same five calls by hand. Sessions are
opened once; a run is all from its arguments to its result, the trace of ours and the check before it as well.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

STEPS = 5
HERE = Path(__file__).with_name("others")
SCRIPTS = ("ours_flow.py", "fast_flow.py", "burr_flow.py", "graph_flow.py", "llama_flow.py", "lang_flow.py")
Times = dict[str, list[tuple[float, float]]]


class Figures(NamedTuple):
    """Medians in milliseconds a step: by hand, and what the library adds in wall and in CPU time."""

    bare: float
    added: float
    added_cpu: float


def environment(script: str, folder: Path) -> Path:
    """Return the Python of the environment that a script asks for, made where it is not there yet."""
    found = re.search(r"^# requires: (.+)$", (HERE / script).read_text("utf-8"), re.MULTILINE)
    if found is None:
        return Path(sys.executable)
    place, done = folder / script, folder / script / "requires.txt"
    if not done.exists() or done.read_text() != found[1]:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        install = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *found[1].split()]
        subprocess.run(install, check=True, capture_output=True, text=True)
        done.write_text(found[1])
    return place / "bin" / "python"


class Child:
    """One library at work on one target; it waits between its turns."""

    def __init__(self, python: Path, script: str, target: str) -> None:
        self.process = subprocess.Popen(
            [str(python), script, target], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.versions: dict[str, str] = self._line()
        self.times: Times = {"bare": [], "library": []}

    def _line(self) -> dict[str, str]:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise OSError(f"it ended with code {self.process.wait()}")
        found: dict[str, str] = json.loads(line)
        return found

    def turn(self, runs: int) -> None:
        """Let it make that many runs, and as many by hand."""
        assert self.process.stdin is not None
        print(runs, file=self.process.stdin, flush=True)
        for name, times in self._line().items():
            self.times[name] += map(tuple, times)  # type: ignore[arg-type]

    def figures(self) -> Figures:
        """Return the medians; what is added is that of each run and the calls by hand right beside it."""
        bare, library = self.times["bare"], self.times["library"]
        added = [statistics.median(b[clock] - a[clock] for a, b in zip(bare, library, strict=True)) for clock in (0, 1)]
        return Figures(*(part / STEPS * 1000 for part in (statistics.median(one[0] for one in bare), *added)))

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def compared(pythons: dict[str, Path], target: str, rounds: int, runs: int) -> dict[str, Child | str]:
    """Return each library with its times, or with why there are none."""
    found: dict[str, Child | str] = {}
    try:
        for script, python in pythons.items():
            try:
                found[script] = Child(python, script, target)
            except (OSError, ValueError) as error:
                found[script] = str(error)
        for number in range(rounds):
            children = [child for child in found.values() if isinstance(child, Child)]
            for child in children if number % 2 else reversed(children):
                child.turn(runs)
    finally:
        for child in found.values():
            if isinstance(child, Child):
                child.end()
    return found


def show(title: str, found: dict[str, Child | str]) -> None:
    """Print one table, the least added first, each as a multiple of ours."""
    measured = {script: child.figures() for script, child in found.items() if isinstance(child, Child)}
    ours = measured["ours_flow.py"]
    print(f"\n{title + ', a step':<58}{'by hand':>10}{'added':>12}{'added CPU':>12}{'of ours':>9}")
    for script, one in sorted(measured.items(), key=lambda row: row[1].added_cpu):
        child = found[script]
        assert isinstance(child, Child)
        name = ", ".join(f"{package} {version}" for package, version in child.versions.items())
        times = f"{one.bare:>7.3f} ms{one.added:>+9.3f} ms{one.added_cpu:>+9.3f} ms"
        print(f"{name:<58}{times}{one.added_cpu / ours.added_cpu:>8.1f}×")
    for script, child in found.items():
        if not isinstance(child, Child):
            print(f"{script:<58}could not be measured: {child}")


def main() -> None:
    """Measure in memory and over HTTP, and print a table each."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer rounds")
    options.add_argument("--environments", type=Path, help="a folder that keeps the environments for the next time")
    asked = options.parse_args()
    rounds, runs = (3, 10) if asked.quick else (12, 25)
    with tempfile.TemporaryDirectory() as temporary:
        pythons: dict[str, Path] = {}
        for script in SCRIPTS:
            try:
                pythons[script] = environment(script, (asked.environments or Path(temporary)).absolute())
            except subprocess.CalledProcessError as error:
                print(f"{script}: its environment could not be made: {(error.stderr or str(error))[-300:]}")
        show("in memory", compared(pythons, "memory", rounds, runs))
        server = subprocess.Popen([sys.executable, "company.py"], cwd=HERE, stdout=subprocess.PIPE, text=True)
        try:
            url = next(line.split()[1] for line in server.stdout or () if line.startswith("READY"))
            show("over HTTP", compared(pythons, url, rounds, runs))
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
