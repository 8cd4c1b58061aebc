"""How many answers the pages take: 30 people at once, 10 answers a second in all for a minute, and what a kill loses.

``python -m bench.web [SECONDS]`` prints figures: an audited copy of the example company, served over loopback in a process of
its own, people signed in by a stand-in. Every confirmed answer must be in the store afterwards.
"""

import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx2
import uvicorn

from access_review import runs
from access_review.stages.decide_signed_in import own_items
from access_review.store import audits
from tests.support.command import access_review
from tests.support.example import AUDITED_AT, copy_example
from tests.web import company

PORT = 18778
PEOPLE, EACH_SECOND = 30, 10
_FIELD = re.compile(r'name="(\w+)" value="([^"]*)"')


def serve(folder: Path) -> None:
    """Serve a workspace until killed."""
    company.ADDRESS = f"http://localhost:{PORT}"
    served = company.Served(folder, runs.find(folder))
    served.site.secure = False
    uvicorn.run(served.app, host="127.0.0.1", port=PORT, log_level="error", lifespan="off", ws="none")


def main(seconds: int) -> None:
    """Measure, and print what came out."""
    folder = copy_example(Path(tempfile.mkdtemp(prefix="bench-web-")) / "workspace")
    if (audited := access_review(folder, "--as-of", AUDITED_AT, "-q", "audit")).code:
        sys.exit(audited.err)
    run, address = runs.find(folder), f"http://localhost:{PORT}"
    policy = folder / "roles/policy.yaml"
    policy.write_text(policy.read_text("utf-8") + company.policy(run, address), encoding="utf-8")
    known = company.Served(folder, run)
    everyone = known.reviewers()
    process = subprocess.Popen([sys.executable, "-m", "bench.web", "--serve", str(folder)])  # noqa: S603 - ourselves
    _wait_for(address)
    took: list[float] = []
    confirmed: list[tuple[str, str]] = []
    lock, stop = threading.Lock(), threading.Event()
    clients = [_signed_in(address, known.object_ids[everyone[number % len(everyone)]]) for number in range(PEOPLE)]

    def work(number: int) -> None:
        items = [one.item.item for one in own_items(run, everyone[number % len(everyone)]).items]
        turn = number
        stop.wait(number / EACH_SECOND)
        while not stop.is_set():
            begun, item, reason = time.monotonic(), items[turn % len(items)], f"{number} {turn}"
            try:
                page = clients[number].get(f"/review/{item}").text
                form = {"answer": ("keep", "revoke")[turn % 2], "reason": reason}
                form |= {name: value for name, value in _FIELD.findall(page) if name in {"csrf", "seen"}}
                sent = time.monotonic()
                done = clients[number].post(f"/review/{item}", data=form, headers={"origin": address})
            except httpx2.TransportError:
                return  # killed: nothing was confirmed
            with lock:
                took.append(time.monotonic() - sent)
                if done.status_code == 303:
                    confirmed.append((item, reason))
            turn += 1
            stop.wait(max(0.0, PEOPLE / EACH_SECOND - (time.monotonic() - begun)))

    begin = time.monotonic()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    length = time.monotonic() - begin
    process.send_signal(signal.SIGKILL)
    stop.set()
    for thread in threads:
        thread.join()
    process.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    kept = {(row.decision.item, row.decision.comment) for row in audits.recorded(run).history}
    lost = [one for one in confirmed if one not in kept]
    if not took:
        sys.exit("no answer came in time")
    ordered = sorted(took)
    print(  # noqa: T201
        f"{len(took)} answers of {PEOPLE} people in {length:.0f} s ({len(took) / length:.1f}/s), {len(confirmed)} confirmed: "
        f"median {1000 * statistics.median(took):.0f} ms, 99 % under {1000 * ordered[int(len(ordered) * 0.99) - 1]:.0f} ms, "
        f"longest {1000 * ordered[-1]:.0f} ms; "
        f"{1000 * (used.ru_utime + used.ru_stime) / len(took):.0f} ms of the processor for a page and its answer; killed, {len(lost)} lost ({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f})"
    )
    sys.exit(bool(lost))


def _signed_in(address: str, object_id: str) -> httpx2.Client:
    client = httpx2.Client(base_url=address, timeout=60)
    state = client.get("/sign-in").headers["location"].rpartition("=")[2]
    client.get("/callback", params={"state": state, "oid": object_id})
    return client


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            httpx2.get(address)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(address)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]))
    else:
        main(int((sys.argv[1:] or ["60"])[0]))
