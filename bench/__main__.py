"""Measure: ``python -m bench all S M`` draws companies, runs every way, and writes results, table and chart.

``derive`` holds a plan that is derived again to what a whole review of the same run costs, once. ``--folder`` holds the companies (kept for the next time), ``--repeat`` says how often
each way runs, ``--limit`` after how many seconds one is given up.
"""

import argparse
import json
from pathlib import Path

from bench import ways
from bench.company import SIZES, Company
from bench.measure import as_json, measure, peak, start_up
from bench.peers import PEERS
from bench.results import RESULTS, write
from bench.snapshots import write as draw


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run")
    one.add_argument("way")
    one.add_argument("folder", type=Path)
    one.add_argument("out", type=Path)
    all_ = commands.add_parser("all")
    all_.add_argument("sizes", nargs="+", choices=SIZES)
    all_.add_argument("--repeat", type=int, default=3)
    all_.add_argument("--ways", nargs="*", default=[ways.ALONE, ways.OURS, ways.WHOLE, *PEERS])
    derived = commands.add_parser("derive")
    derived.add_argument("sizes", nargs="+", choices=SIZES)
    for parser_of in (all_, derived):
        parser_of.add_argument("--folder", type=Path, default=Path("build/bench"))
        parser_of.add_argument("--limit", type=float, default=900)
        parser_of.add_argument("--memory", default="2GB", help="of the engine")
    commands.add_parser("table")
    asked = parser.parse_args()
    if asked.command == "run":
        ways.run(asked.way, asked.folder, asked.out)
        print(peak())  # noqa: T201 - what started this reads it
    elif asked.command == "all":
        _all(asked)
    elif asked.command == "derive":
        _derive(asked)
    else:
        write(json.loads(RESULTS.read_text()))


def _all(asked: argparse.Namespace) -> None:
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"measured": []}
    for size in asked.sizes:
        folder = asked.folder / size
        draw(folder, Company(SIZES[size]), f"engine: {{memory: {asked.memory}}}\n")
        if {ways.ALONE, *PEERS} & set(asked.ways):
            ways.prepare(folder)
        if ways.DERIVED in asked.ways:
            ways.prepare_plan(folder)
        found = as_json(measure(size, folder, asked.ways, asked.repeat, asked.limit))
        new = {(one["size"], one["way"]) for one in found}
        known["measured"] = [m for m in known["measured"] if (m["size"], m["way"]) not in new] + found
        known["start_up"] = start_up()
        RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    write(known)


def _derive(asked: argparse.Namespace) -> None:
    for size in asked.sizes:
        folder = asked.folder / size
        draw(folder, Company(SIZES[size]), f"engine: {{memory: {asked.memory}}}\n")
        ways.prepare_plan(folder)
        found = measure(size, folder, [ways.WHOLE, ways.DERIVED], 1, asked.limit)
        for one in found:
            print(f"{size} {one.way}: {one.processor:.1f} processor seconds, {one.memory / 1e9:.1f} GB")  # noqa: T201
        if len(found) == 2:
            review, derived = found
            times = derived.processor / review.processor
            print(f"{size}: {times:.2f} times a whole review; the bar is {ways.TIMES_A_REVIEW}")  # noqa: T201


if __name__ == "__main__":
    main()
