"""Check a pack of evidence with nothing but its folder: python check_evidence.py FOLDER [--head HEAD]

A second reading of the same facts, for somebody who does not want to trust the program that wrote them. It shares no code
with that program, needs Python 3.9 and the package "cryptography" (for signatures alone), writes nothing, asks nobody.
It ends with 0 where everything agrees, with 1 and the places where something does not, the first wrong one first.

    1  files       every file has the size and SHA-256 that pack.json gives it, and there is no other
    2  logbook     each line holds the RFC 6962 head of the lines before it; the files are those its lines name
    3  stores      journals and decisions: each row holds the hash of the one before
    4  tables      each CSV file has the digest that the manifest, or the review, has of its rows
    5  signatures  OpenSSH signatures over DSSE, by keys that stood in roles/approvers.yaml
    6  draws       seed and choice from the published key; how many, and what they prove, in whole numbers
    7  findings    leaver-active, never-allowed and access-beyond-role, found again from the rows that were read

What it cannot notice stands in README.txt.
"""

import base64
import csv
import hashlib
import hmac
import json
import re
import sqlite3
import sys
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from math import ceil, comb, floor
from pathlib import Path

WRONG = []


def wrong(place, what):
    WRONG.append(f"{place}: {what}")


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def sha256_file(path):
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
    return "sha256:" + digest.hexdigest()


def no_key_twice(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return dict(pairs)


def load(data):
    return json.loads(data, object_pairs_hook=no_key_twice)


def canonical(value):
    """JSON as RFC 8785 writes it: enough of it for text, whole numbers, true, false and null."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def time_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "T", 1)) if text else None


# ---------------------------------------------------------------- 1 files


def check_files(folder, pack):
    there = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    for name in sorted(pack["files"]):
        path, known = there.pop(name, None), pack["files"][name]
        if path is None:
            wrong(name, "is gone")
        elif path.is_symlink() or not path.is_file():
            wrong(name, "is no plain file")
        elif path.stat().st_size != known["size"] or sha256_file(path) != known["digest"]:
            wrong(name, "was changed since the pack was made")
    for name in sorted(set(there) - {"pack.json", "pack.dsse.json"}):
        wrong(name, "is not named in pack.json")


# ---------------------------------------------------------------- 2 logbook


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def heads_of(lines):
    """Give the head of the first 0, 1, 2 ... lines: size and Merkle tree hash (RFC 6962, 2.1)."""
    peaks = []
    yield "0:" + sha256(b"")
    for size, line in enumerate(lines, 1):
        peaks.append((1, hashlib.sha256(b"\0" + line).digest()))
        while len(peaks) > 1 and peaks[-1][0] == peaks[-2][0]:
            (count, right), (_, left) = peaks.pop(), peaks.pop()
            peaks.append((2 * count, node(left, right)))
        root = peaks[-1][1]
        for _, left in reversed(peaks[:-1]):
            root = node(left, root)
        yield f"{size}:sha256:{root.hex()}"


def check_logbook(folder, pack, told):
    """Check the lines, and return them with the files and stores that they know in the end."""
    path = folder / "runs" / "logbook.jsonl"
    lines = path.read_bytes().split(b"\n")
    if lines.pop() != b"":
        wrong(path.name, "ends within a line")
    heads, entries = list(heads_of(lines)), []
    for number, line in enumerate(lines, 1):
        try:
            entry = load(line)
            if canonical(entry) != line or entry["head"] != heads[number - 1]:
                wrong(f"logbook line {number}", "a line before it was changed, moved or left out")
                break
        except (ValueError, KeyError, TypeError):
            wrong(f"logbook line {number}", "cannot be read")
            break
        entries.append(entry)
    if pack["head"] != heads[-1]:
        wrong("pack.json", f"names the head {pack['head']}, and that of the logbook is {heads[-1]}")
    if entries and pack["workspace"] != entries[0]["name"]:
        wrong("pack.json", "is of another workspace than the logbook")
    for place, head in [("--head", head) for head in told] + seen_heads(folder):
        size = head.split(":")[0]
        if not (size.isdigit() and int(size) < len(heads) and heads[int(size)] == head):
            wrong(place, f"saw the head {head}, and the logbook in the pack was never there")
    files, stores = known_at_the_end(entries)
    left_out = {one["path"] for one in pack["left_out"]}
    for name, (marks, optional) in sorted(files.items()):
        found = folder / "runs" / name
        if not found.is_file():
            if name not in left_out and not optional:
                wrong(f"runs/{name}", "is gone, a line of the logbook knows it, and pack.json does not say why")
        elif {"size": found.stat().st_size, "digest": sha256_file(found)} not in marks:
            wrong(f"runs/{name}", "is not as the logbook knows it")
    for name, mark in sorted(stores.items()):
        if not (folder / "runs" / name).is_file():
            if name not in left_out:
                wrong(f"runs/{name}", "is gone, a line of the logbook knows it, and pack.json does not say why")
        else:
            check_store(folder / "runs" / name, mark)
    listed = {entry["name"] for entry in entries if entry["event"] == "run" and "details" not in entry}
    pruned = {gone for entry in entries for gone in entry.get("removed", [])}
    within = {name for name in listed if pack["runs"][0][:16] <= name[:16] <= pack["runs"][-1][:16]}
    for name in sorted(within - set(pack["runs"]) - pruned):
        wrong(name, "is a run of the period, and is not in the pack")
    for name in sorted(set(pack["runs"]) - listed):
        wrong(name, "is a run that the logbook does not know")
    return entries


def known_at_the_end(entries):
    """Say which files and stores should be there: a later line takes the place of one of the same event and name."""
    files, stores, latest, owner = {}, {}, {}, {}
    for number, entry in enumerate(entries):
        if entry["event"] == "announced":
            for name, mark in entry.get("files", {}).items():
                marks, optional = files.get(name, ([], True))
                files[name], owner[name] = ([*marks, mark], optional), number
            continue
        before = latest.get((entry["event"], entry["name"]))
        if before is not None:
            for name in [*entries[before].get("files", {}), *entries[before].get("stores", {})]:
                if owner.get(name) == before:
                    files.pop(name, None)
                    stores.pop(name, None)
        latest[entry["event"], entry["name"]] = number
        for name, mark in entry.get("files", {}).items():
            files[name], owner[name] = ([mark], False), number
        for name, mark in entry.get("stores", {}).items():
            stores[name], owner[name] = mark, number
        for gone in entry.get("removed", []):
            for known in (files, stores):
                for name in [name for name in known if name == gone or name.startswith(gone + "/")]:
                    del known[name]
    return files, stores


# ---------------------------------------------------------------- 3 stores


def rows_of(path):
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        connection.execute("PRAGMA trusted_schema=OFF")
        if connection.execute("SELECT type, name FROM sqlite_schema").fetchall() != [("table", "rows")]:
            raise ValueError("it holds more than rows")
        cursor = connection.execute("SELECT * FROM rows ORDER BY seq")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor]
    finally:
        connection.close()


def check_store(path, mark=None):
    """Check the rows of a journal or of the decisions; ``mark`` is how many the logbook knows, and the hash of the last."""
    try:
        rows = rows_of(path)
    except (sqlite3.Error, ValueError) as error:
        wrong(path.name, f"cannot be read: {error}")
        return []
    before = "sha256:" + "0" * 64
    for number, row in enumerate(rows, 1):
        body = {name: value for name, value in row.items() if name != "digest"}
        for name, value in body.items():
            if isinstance(value, float) and value == int(value):
                body[name] = int(value)  # as RFC 8785 writes a whole number
        if row["seq"] != number or row["previous"] != before or row["digest"] != sha256(canonical(body)):
            wrong(f"{path.parent.name}/{path.name} row {number}", "is not as it was written")
            return rows
        before = row["digest"]
    if mark and mark["position"]:
        if len(rows) < mark["position"]:
            wrong(f"{path.parent.name}/{path.name}", f"has {len(rows)} rows, the logbook counted {mark['position']}")
        elif rows[mark["position"] - 1]["digest"] != mark["head"]:
            wrong(f"{path.parent.name}/{path.name}", f"row {mark['position']} is not the one that the logbook knows")
    return rows


# ---------------------------------------------------------------- 4 tables


def table(folder, run, name):
    """Read a table as dictionaries; empty text is null."""
    path = folder / "tables" / run / f"{name}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def check_tables(folder, run, manifest, review):
    digests = {name: one["digest"] for name, one in manifest["tables"].items()}
    if review:
        digests["findings"] = review["digest"]
        if review.get("owners"):
            digests["account_owners"] = review["owners"]
    for name, digest in sorted(digests.items()):
        path = folder / "tables" / run / f"{name}.csv"
        if not path.is_file():
            wrong(f"tables/{run}/{name}.csv", "is gone")
        elif sha256_file(path) != digest:
            wrong(f"tables/{run}/{name}.csv", "has other rows than the run had")


# ---------------------------------------------------------------- 5 signatures


def take(data):
    """Split off a string of SSH's wire format (RFC 4251, 5)."""
    size = int.from_bytes(data[:4], "big")
    if len(data) < 4 + size:
        raise ValueError("it ends too early")
    return data[4 : 4 + size], data[4 + size :]


def ssh_string(data):
    return len(data).to_bytes(4, "big") + data


def pae(payload_type, payload):
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def verify_ssh(signature, message, line):
    """Check an OpenSSH signature (PROTOCOL.sshsig) with the key of a line; raises for anything but a good one."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    if signature[:10] != b"SSHSIG\0\0\0\1":
        raise ValueError("it is no OpenSSH signature")
    blob, rest = take(signature[10:])
    namespace, rest = take(rest)
    reserved, rest = take(rest)
    hashed, rest = take(rest)
    inner, rest = take(rest)
    kind, raw = line.split()[:2]
    if (
        rest
        or reserved
        or hashed != b"sha512"
        or namespace != b"access-review-approval"
        or blob != base64.b64decode(raw)
    ):
        raise ValueError("it was made with another key, or for something else")
    signed = b"SSHSIG" + b"".join(map(ssh_string, (namespace, b"", hashed, hashlib.sha512(message).digest())))
    algorithm, inner = take(inner)
    value, inner = take(inner)
    if kind.startswith("sk-"):
        application = take(blob)[1]
        for _ in range(1 if "ed25519" in kind else 2):
            application = take(application)[1]
        application = take(application)[0]
        flags, counter, inner = inner[0], inner[1:5], inner[5:]
        around = hashlib.sha256(application).digest() + bytes([flags]) + counter
        if algorithm.startswith(b"webauthn-"):
            origin, inner = take(inner)
            client, inner = take(inner)
            extensions, inner = take(inner)
            challenge = base64.urlsafe_b64encode(signed).decode().rstrip("=")
            begins = f'{{"type":"webauthn.get","challenge":"{challenge}","origin":"{origin.decode()}"'
            if not client.startswith(begins.encode()) or flags & 5 != 5 or origin != b"https://" + application:
                raise ValueError("it was asked for by another site, or the person was not verified")
            if load(client).get("crossOrigin", False) is not False:
                raise ValueError("it was asked for by a page inside another site's")
            signed = around + extensions + hashlib.sha256(client).digest()
        elif not flags & 1:
            raise ValueError("nobody touched the key")
        else:
            signed = around + hashlib.sha256(signed).digest()
        if "ed25519" in kind:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

            key = Ed25519PublicKey.from_public_bytes(take(take(blob)[1])[0])
        else:
            point = take(take(take(blob)[1])[1])[0]
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    else:
        key = load_ssh_public_key(f"{kind} {raw}".encode())
    if inner:
        raise ValueError("something follows it")
    if "ed25519" in kind:
        key.verify(value, signed)
    elif kind == "ssh-rsa":
        key.verify(
            value,
            signed,
            padding.PKCS1v15(),
            {b"rsa-sha2-512": hashes.SHA512(), b"rsa-sha2-256": hashes.SHA256()}[algorithm],
        )
    else:
        first, second = take(value)
        pair = encode_dss_signature(int.from_bytes(first, "big"), int.from_bytes(take(second)[0], "big"))
        size = {"256": hashes.SHA256(), "384": hashes.SHA384(), "521": hashes.SHA512()}[kind.split("@")[0][-3:]]
        key.verify(pair, signed, ec.ECDSA(size))


def envelope_of(path):
    envelope = load(path.read_bytes())
    payload = base64.b64decode(envelope["payload"], validate=True)
    signatures = [base64.b64decode(one["sig"], validate=True) for one in envelope["signatures"]]
    return envelope["payloadType"], payload, signatures


def statement_files(folder):
    return sorted(
        [
            *folder.glob("runs/*/*/approvals/*.json"),
            *folder.glob("runs/*/sign-off/*.json"),
            *folder.glob("roles/approvals/*.json"),
        ]
    )


def seen_heads(folder):
    found = []
    for path in statement_files(folder):
        try:
            said = load(envelope_of(path)[1])
            if said.get("head"):
                found.append((path.relative_to(folder).as_posix(), said["head"]))
        except (ValueError, KeyError, TypeError):
            wrong(path.relative_to(folder).as_posix(), "is no envelope")
    return found


def good_keys(path, keys):
    """Give the entries of roles/approvers.yaml whose keys signed what is in a file, and what it says."""
    kind, payload, signatures = envelope_of(path)
    good = []
    for key in keys:
        for signature in signatures:
            try:
                verify_ssh(signature, pae(kind, payload), key["key"])
                good.append(key)
            except Exception:  # noqa: BLE001, S110 - whatever is wrong with it, it is not good
                pass
    return load(payload), good


def check_signatures(folder, run, entries, declared):
    """Check every signature in a run: who signed, with a key of theirs that held then, what lies beside it."""
    base = folder / "runs" / run
    for path in sorted([*base.glob("*/approvals/*.json"), *base.glob("sign-off/*.json")]):
        place = path.relative_to(folder).as_posix()
        try:
            said, good = good_keys(path, declared["approvers"])
        except (ValueError, KeyError, TypeError):
            wrong(place, "is no envelope")
            continue
        if said.get("format") == "access-review/approval@1":
            continue  # written by a version before these; the other verifier reads them
        day = said["at"][:10]
        holds = [one for one in good if (one["until"] or day) >= day and (one["job"] == (said["role"] == "job"))]
        if not holds:
            wrong(place, "is signed by no key that roles/approvers.yaml enrolled then")
        if said["workspace"] != entries[0]["name"] or (said["run"] and said["run"] != run):
            wrong(place, "was said of another run or workspace")
        plan = path.parent.parent / "plan.json"
        if path.parent.name == "approvals" and said["kind"] != "withdrawal" and sha256_file(plan) != said["digest"]:
            wrong(place, "signs another plan than the one beside it")


def check_pack_signature(folder, runs, declared):
    path = folder / "pack.dsse.json"
    if not path.is_file():
        return "not signed"
    try:
        said, good = good_keys(path, declared[runs[-1]]["approvers"])
        subject = said["subject"][0]["digest"]["sha256"]
    except (ValueError, KeyError, TypeError, IndexError):
        wrong(path.name, "is no envelope of a pack")
        return "damaged"
    if "sha256:" + subject != sha256_file(folder / "pack.json"):
        wrong(path.name, "is about another pack.json")
    if not good:
        wrong(path.name, "is signed by no key that roles/approvers.yaml enrolled")
    return "signed by " + ", ".join(one["person"] for one in good)


# ---------------------------------------------------------------- 6 draws


def unlikely(population, deviating, drawn, allowed, confidence):
    """Tell whether at most ``allowed`` of ``deviating`` are drawn with a chance of 1 - confidence or less."""
    ways = sum(
        comb(deviating, hit) * comb(population - deviating, drawn - hit)
        for hit in range(min(allowed, deviating, drawn) + 1)
        if drawn - hit <= population - deviating
    )
    return Fraction(ways, comb(population, drawn)) <= 1 - confidence


def upper_limit(population, drawn, found, confidence):
    """The highest rate of deviating units that what was found leaves possible."""
    if not population:
        return 0.0
    low, high = found, population - drawn + found + 1  # low is possible, high is not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if unlikely(population, middle, drawn, found, confidence) else (middle, high)
    return low / population


def needed(population, policy):
    """How many to draw: the share that is asked for, or the least that the confidence needs."""
    exact = {name: Fraction(str(policy[name])) for name in ("tolerable", "confidence", "rate")}
    deviating, allowed = floor(exact["tolerable"] * population) + 1, policy["allowed"]
    least = 0
    if deviating <= population:
        if allowed >= deviating:
            least = population
        else:
            low, high = 0, population
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (
                    (low, middle)
                    if unlikely(population, deviating, middle, allowed, exact["confidence"])
                    else (middle, high)
                )
            least = high
    return max(ceil(exact["rate"] * population), least)


def merkle_root(names):
    level = [hashlib.sha256(b"\0" + name.encode()).digest() for name in sorted(names)]
    while len(level) > 1:
        pairs = [node(*level[i : i + 2]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
        level = pairs
    return "sha256:" + (level[0] if level else hashlib.sha256().digest()).hex()


def check_draw(folder, run, entries):
    """Choose again who was drawn at random, and return the sample."""
    base = folder / "runs" / run / "sample"
    if not (base / "sample.json").is_file():
        return None
    sample, frame = load((base / "sample.json").read_bytes()), load((base / "frame.json").read_bytes())
    place, key = f"runs/{run}/sample/sample.json", bytes.fromhex(sample["key"])
    if sha256(key) != sample["commitment"]:
        wrong(place, "the key does not fit the commitment")
    if sample["committed"]:
        promised = [
            n for n, one in enumerate(entries) if one["event"] == "draw" and one["name"] == sample["commitment"]
        ]
        collected = [n for n, one in enumerate(entries) if one["event"] == "run" and one["name"] == run]
        if not (promised and collected and min(promised) < min(collected)):
            wrong(place, "calls itself committed, and the logbook knows no promise from before the run")
    units = {unit["unit"]: unit for unit in frame["units"]}
    root = merkle_root(units)
    seed = hmac.new(key, (root + run).encode(), hashlib.sha256).digest()
    if root != sample["root"] or seed.hex() != sample["seed"]:
        wrong(place, "population or seed is another one")
    census = {name for name, unit in units.items() if unit["census"]}
    rest = sorted(set(units) - census)
    count = needed(len(rest), sample["policy"])
    ranked = sorted(rest, key=lambda name: (hmac.new(seed, name.encode(), hashlib.sha256).digest(), name))
    picked = defaultdict(set)
    for pick in sample["picks"]:
        picked[pick["draw"]].add(pick["unit"])
    if picked["inference"] != set(ranked[:count]):
        wrong(place, "another random draw follows from key, population and policy")
    if picked["census"] != census:
        wrong(place, "leavers and privileged people were not all taken")
    return sample


def part_of(unit):
    if unit["census"] in ("left", "missing"):
        return "leavers"
    return unit["census"] or ("people" if unit["kind"] == "person" else "accounts")


def check_figures(folder, run, sample, rows):
    """Compute again what the draw proves, from the answers that stand, and how long leavers' accounts are open."""
    place = f"figures/{run}.json"
    stated = load((folder / place).read_bytes())
    mine = []
    if sample:
        base = folder / "runs" / run / "sample"
        frame = {unit["unit"]: unit for unit in load((base / "frame.json").read_bytes())["units"]}
        store = folder / "runs" / "decisions.sqlite"
        standing = {}
        for row in check_store(store) if store.is_file() else []:
            before = standing.get(row["item"])
            if row["run"] == run and (before is None or before["decided_on"] <= row["decided_on"]):
                standing[row["item"]] = row
        asked = defaultdict(list)
        for item in load((base / "worklist.json").read_bytes())["items"]:
            if not item["planted"]:
                answer = standing.get(item["item"], {}).get("decision")
                asked[item["unit"]].append((None if answer == "withdrawn" else answer, bool(item["found"])))
        confidence = Fraction(str(sample["policy"]["confidence"]))

        def line(name, population, drawn):
            opened = [any(a in (None, "cannot say") for a, _ in asked.get(u, [])) or not asked.get(u) for u in drawn]
            found = {
                "wrong": [any(a == "revoke" for a, _ in asked.get(u, [])) for u in drawn],
                "missed": [any(a == "revoke" and not f for a, f in asked.get(u, [])) for u in drawn],
            }
            made = {"stratum": name, "population": population, "drawn": len(drawn), "untested": sum(opened)}
            made["tested"] = len(drawn) - made["untested"]
            for kind, hits in found.items():
                least = sum(hits)
                most = least + sum(o and not hit for o, hit in zip(opened, hits))
                made[kind] = {"found_least": least, "found_most": most}
                for end, count in (("least", least), ("most", most)):
                    nothing = None if population else 0.0
                    made[kind][f"rate_{end}"] = count / len(drawn) if drawn else None
                    made[kind][f"limit_{end}"] = (
                        upper_limit(population, len(drawn), count, confidence) if drawn else nothing
                    )
            return made

        for part in ("leavers", "privileged", "people", "accounts"):
            how = "census" if part in ("leavers", "privileged") else "inference"
            drawn = [p["unit"] for p in sample["picks"] if p["stratum"] == part and p["draw"] == how]
            mine.append(line(part, sum(part_of(unit) == part for unit in frame.values()), drawn))
        rest = sum(not unit["census"] for unit in frame.values())
        mine.append(line("rest", rest, [p["unit"] for p in sample["picks"] if p["draw"] == "inference"]))
    if stated["lines"] != mine:
        wrong(place, "states other figures of the draw than follow from it")
    people, owner = {row["person"]: row for row in rows["people"]}, rows["owner"]
    ages, unknown = [], 0
    for account in rows["accounts"]:
        person = people.get(owner.get(account["account"]))
        if person and person["status"] == "left" and account["enabled"] != "false":
            left = time_of(person["left_at_latest"])
            if left is None:
                unknown += 1
            elif left < rows["as_of"]:
                ages.append(int((rows["as_of"] - left).total_seconds()))
    ages.sort()
    lag = {"accounts": len(ages) + unknown, "unknown": unknown}
    lag["percentiles"] = [[p, ages[ceil(p * len(ages) / 100) - 1]] for p in (50, 90, 95, 100) if ages]
    if stated["open_lag"] != lag:
        wrong(place, f"states another lag of leavers than follows from the rows: {lag}")


# ---------------------------------------------------------------- 7 findings


def respelled(value, ignoring, exact):
    """A value in the form in which a rung of the ladder compares it."""
    if value is None:
        return None
    value = value.strip(" ") if exact else value.strip(" ").lower()
    if ignoring == "leading-zeros":
        value = value.lstrip("0")
    elif ignoring == "domain":
        value = value.split("\\")[-1]
    elif ignoring == "mail-domain":
        value = value.split("\\")[-1].split("@")[0]
    elif ignoring == "name-order":
        value = " ".join(sorted(re.sub(r"[\s,.]+", " ", value).strip(" ").split(" ")))
    return value or None


def climb(rows, declared):
    """Say by the ladder of its source whose each account is: the first rung with anybody decides, and two are nobody."""
    attributes = defaultdict(set)
    for one in rows["assignments"]:
        for name, value in json.loads(one["attributes"] or "{}").items():
            if isinstance(value, str):
                attributes[name].add((one["person"], value))
    index, people = {}, {row["person"]: row for row in rows["people"]}
    found = {}
    for account in rows["accounts"]:
        if account["kind"] not in ("human", "guest", "agent", "break-glass"):
            continue
        ladder = declared["ladders"].get(account["source"])
        if ladder is None:
            continue
        told = {person for one, person in ladder["same"] if one == account["account"] and person in people}
        if told:
            found[account["account"]] = told
            continue
        for rung in ladder["rungs"]:
            column, theirs = rung["on"]
            exact = column in ("employee_id", "native_id") and theirs == "person" and not rung["ignoring"]
            place = (column, theirs, rung["ignoring"])
            if place not in index:
                index[place] = defaultdict(set)
                plain = {"person": "native_id", "mail": "mail", "name": "name"}.get(theirs)
                pairs = [(p["person"], p[plain]) for p in rows["people"]] if plain else attributes[theirs]
                for person, value in pairs:
                    index[place][respelled(value, rung["ignoring"], exact)].add(person)
            wanted = respelled(account[column], rung["ignoring"], exact)
            if wanted is not None and index[place].get(wanted):
                found[account["account"]] = index[place][wanted]
                break
    return found


def owners_of(rows, declared):
    """Give each account its person: its own, or that of the account it is synced from, unless they contradict."""
    climbed, twins = climb(rows, declared), defaultdict(set)
    accounts = {row["account"] for row in rows["accounts"]}
    sids = defaultdict(set)
    for row in rows["aliases"]:
        if row["scheme"] == "sid" and row["id"] in accounts:
            sids[row["value"]].add(row["id"])
    for row in rows["aliases"]:
        if row["scheme"] == "on-premises-sid":
            twins[row["id"]] |= sids[row["value"]] - {row["id"]}
    rows["twin"] = {copy: min(found) for copy, found in twins.items() if len(found) == 1}
    owner = {}
    for account in accounts:
        own, first = climbed.get(account, set()), climbed.get(rows["twin"].get(account), set())
        if len(own) > 1 or (len(own) == len(first) == 1 and own != first):
            continue
        if len(first) == 1 or len(own) == 1:
            owner[account] = min(first if len(first) == 1 else own)
    return owner


def like(pattern, text):
    parts = (re.escape(part) for part in pattern.lower().split("*"))
    return re.fullmatch(".*".join(parts), text.lower(), re.DOTALL) is not None


class Roles:
    """What role templates allow and forbid, over the nesting that was read."""

    LISTS = ("must", "may", "eligible", "never")

    def __init__(self, rows, declared):
        self.declared, self.as_of = declared, rows["as_of"]
        self.named = [
            (f"{e['source']}:{e['kind']}:{e['name']}", e["entitlement"]) for e in rows["entitlements"] if e["name"]
        ]
        self.effect = {e["entitlement"]: e["effect"] for e in rows["entitlements"]}
        self.edges = defaultdict(list)
        for edge in rows["nesting"]:
            self.edges[edge["child"]].append(edge)
        halves = {e for pair in declared["pairs"] for side in "ab" for p in pair[side] for e in self.meant(p)}
        strong = {
            e["entitlement"] for e in rows["entitlements"] if e["privileged"] == "true" or e["effect"] == "exempts"
        }
        self.by_name = halves | strong
        self.templates = {one["role"]: one for one in declared["templates"]}
        self.lists = {role: self.resolved(role) for role in self.templates}
        self.expected = {role: self.with_carried(role) for role in self.templates}
        self.gives = {}

    def meant(self, pattern):
        source, kind, name = pattern.split(":", 2)
        return {
            e for full, e in self.named if all(like(p, t) for p, t in zip((source, kind, name), full.split(":", 2)))
        }

    def resolved(self, role):
        line, todo = [], [role]
        while todo:
            one = todo.pop(0)
            if one not in line:
                line.append(one)
                todo += self.templates[one]["extends"]
        return {
            name: {e for one in line for p in self.templates[one][name] for e in self.meant(p)} for name in self.LISTS
        }

    def walk(self, start, stops=frozenset()):
        """Give every state (entitlement, carried) that holding ``start`` leads to; some edges lead on only directly."""
        seen, todo = set(), [(start, False)]
        while todo:
            child, carried = todo.pop()
            for edge in self.edges[child]:
                if edge["parent"] in stops or (edge["reach"] == "direct-only" and carried):
                    continue
                after = (edge["parent"], carried if edge["why"] == "synced-to" else True)
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
        return {e for e, _ in seen}

    def with_carried(self, role):
        lists = self.lists[role]
        allowed = (lists["must"] | lists["may"] | lists["eligible"]) - lists["never"]
        stops = (self.by_name | lists["never"]) - allowed
        carried = {e for name in allowed for e in self.walk(name, stops)}
        return lists["must"] | lists["may"] | lists["eligible"] | carried

    def of(self, assignment, person):
        said = json.loads(assignment["attributes"] or "{}")
        said.update(
            role=assignment["role"], client=assignment["client"], kind=person["kind"], source=assignment["source"]
        )
        known = {name: str(value).strip().casefold() for name, value in said.items() if value is not None}
        for role, one in self.templates.items():
            named = known.get("role") == role.casefold()
            by = one["who"] and all(
                name in known and any(like(v.casefold(), known[name]) for v in values)
                for name, values in one["who"].items()
            )
            if named or by:
                yield role

    def judge(self, roles, entitlement):
        """Return verdict and forbidden entitlement of what somebody with these roles holds directly."""
        allowed = set().union(*(self.expected[role] for role in roles))
        forbidden = set().union(*(self.lists[role]["never"] for role in roles))
        if entitlement not in self.gives:
            self.gives[entitlement] = self.walk(entitlement) | {entitlement}
        if entitlement in allowed and entitlement not in forbidden:
            return "within", None
        gives = self.gives[entitlement]
        useful = {
            e for e in allowed - forbidden if self.effect.get(e, "restricts") not in ("restricts", "distribution")
        }
        if entitlement in forbidden:
            never = entitlement
        else:
            never = None if entitlement in allowed else min(gives & forbidden, default=None)
        return ("mixed" if gives & useful else "beyond"), never


def spells(rows, roles):
    """Give each person's current roles, and the former ones with the moment they ended."""
    people, grace = (
        {row["person"]: row for row in rows["people"]},
        timedelta(seconds=roles.declared["mover_grace_seconds"]),
    )
    timed, clients = [], defaultdict(set)
    for one in rows["assignments"]:
        person = people.get(one["person"])
        if person is None or person["status"] == "unknown":
            continue
        begins, ends = time_of(one["starts_earliest"]), time_of(one["ends_latest"])
        if begins and begins > rows["as_of"]:
            continue
        current = (
            person["status"] in ("active", "leave")
            and one["status"] in ("active", "leave")
            and not (ends and ends <= rows["as_of"])
        )
        limits = [t for t in (ends, time_of(person["left_at_latest"]) if person["status"] == "left" else None) if t]
        timed.append((one, person, current, min(limits, default=None)))
        if current:
            clients[one["person"]].add(one["client"])
    now, former = defaultdict(set), defaultdict(lambda: defaultdict(lambda: None))
    for one, person, current, until in timed:
        kept = until and until > rows["as_of"] - grace and one["client"] in clients[one["person"]]
        for role in roles.of(one, person):
            if current or kept:
                now[one["person"]].add(role)
            elif until:
                before = former[one["person"]][role]
                former[one["person"]][role] = max(before, until) if before else until
    return now, former


def check_findings(folder, run, rows, declared, review):
    """Find leaver-active, never-allowed and access-beyond-role again, and compare row by row."""
    people, owner = {row["person"]: row for row in rows["people"]}, rows["owner"]
    roles = Roles(rows, declared)
    now, former = spells(rows, roles)
    mine = {name: set() for name in declared["derived"]}
    cutoff = rows["as_of"] - timedelta(hours=declared["leaver_grace_hours"])
    for account in rows["accounts"]:
        person = people.get(owner.get(account["account"]))
        if person and person["status"] == "left" and account["enabled"] != "false":
            left = time_of(person["left_at_latest"])
            if left is None or left < cutoff:
                mine.get("leaver-active", set()).add((account["account"], None))
    held = {(grant["account"], grant["entitlement"], grant["mode"]) for grant in rows["grants"]}
    direct = {(account, entitlement) for account, entitlement, _ in held}
    synced = defaultdict(set)
    for edge in rows["nesting"]:
        if edge["why"] == "synced-to":
            synced[edge["parent"]].add(edge["child"])
    for account, entitlement, mode in sorted(held):
        person = people.get(owner.get(account))
        has = now.get(person["person"]) if person else None
        if not has or entitlement not in roles.effect or person["status"] not in ("active", "leave"):
            continue
        if any((rows["twin"].get(account), child) in direct for child in synced[entitlement]):
            continue  # the same membership twice: it is judged where it is mastered
        verdict, never = roles.judge(has, entitlement)
        if never is not None:
            mine.get("never-allowed", set()).add((account, never))
            continue
        if (
            verdict == "within"
            or person["kind"] == "agent"
            or roles.effect[entitlement] not in ("grants", "exempts", "unknown")
        ):
            continue
        if any(entitlement in roles.expected[role] for role in former[person["person"]]):
            continue  # what a former assignment allowed is another rule's
        if mode == "eligible" and (account, entitlement, "assigned") in held:
            continue
        mine.get("access-beyond-role", set()).add((account, entitlement))
    theirs = defaultdict(set)
    for row in table(folder, run, "findings"):
        if row["status"] != "closed" and row["checked"] == "true":
            theirs[row["rule"]].add((row["subject"], row["about"]))
    counts = []
    for rule in sorted(mine):
        said = review["rules"].get(rule)
        if said is None or not said["evaluated"]:
            counts.append(f"{rule} not evaluated")
            continue
        for subject, about in sorted(theirs[rule] - mine[rule], key=str)[:3]:
            wrong(f"tables/{run}/findings.csv", f"{rule} of {subject} {about or ''} does not follow from the rows")
        lacking = mine[rule] - theirs[rule]
        if len(lacking) != said["withheld"]:
            for subject, about in sorted(lacking, key=str)[:3]:
                wrong(
                    f"tables/{run}/findings.csv",
                    f"{rule} of {subject} {about or ''} follows from the rows, and is not there",
                )
        counts.append(f"{rule} {len(theirs[rule])}")
    return ", ".join(counts)


# ---------------------------------------------------------------- all of it


def main(arguments):
    told = [arguments[n + 1] for n, word in enumerate(arguments[:-1]) if word == "--head"]
    folder = Path(next((word for word in arguments if not word.startswith("-") and word not in told), "."))
    pack = load((folder / "pack.json").read_bytes())
    check_files(folder, pack)
    entries = check_logbook(folder, pack, told)
    declared, promised = {}, None
    for run in pack["runs"]:
        base = folder / "runs" / run
        manifest = load((base / "manifest.json").read_bytes())
        review = load((base / "review.json").read_bytes()) if (base / "review.json").is_file() else None
        check_tables(folder, run, manifest, review)
        values = folder / "declared" / f"{run}.json"
        if not (review and values.is_file()):
            print(f"{run}  tables only: it was not reviewed, or before what it was reviewed with was kept")
            continue
        declared[run] = load(values.read_bytes())
        if declared[run]["digest"] != review["workspace_digest"]:
            wrong(f"declared/{run}.json", "is of another workspace than the run was reviewed with")
        said = load((base / "declared.json").read_bytes())["files"]
        lines = "".join(sorted(f"{name} {hashlib.sha256(text.encode()).hexdigest()}\n" for name, text in said.items()))
        if sha256(lines.encode()) != review["workspace_digest"]:
            wrong(f"runs/{run}/declared.json", "holds other files than the run was reviewed with")
        for one in declared[run]["approvers"]:
            if one["key"].split()[1] not in said.get("roles/approvers.yaml", ""):
                wrong(f"declared/{run}.json", f"has a key of {one['person']} that roles/approvers.yaml does not name")
        check_signatures(folder, run, entries, declared[run])
        sample = check_draw(folder, run, entries)
        if sample and promised and sample["committed"] and sample["commitment"] != promised:
            wrong(f"runs/{run}/sample/sample.json", "was drawn with another key than the audit before promised")
        promised = sample["next_commitment"] if sample else promised
        rows = {
            name: table(folder, run, name)
            for name in ("people", "assignments", "accounts", "aliases", "entitlements", "grants", "nesting")
        }
        rows["as_of"] = time_of(manifest["as_of"]).astimezone(timezone.utc)
        rows["owner"] = owners_of(rows, declared[run])
        check_figures(folder, run, sample, rows)
        print(f"{run}  {check_findings(folder, run, rows, declared[run], review)}")
    print(f"The pack is {check_pack_signature(folder, pack['runs'], declared) if declared else 'not signed'}.")
    if not told:
        print("No --head was given: that nothing was cut off at the end is not shown.")
    for line in WRONG:
        print("WRONG", line.encode("unicode_escape").decode())
    print(f"{len(WRONG)} wrong." if WRONG else "Everything agrees.")
    return 1 if WRONG else 0


def guarded(arguments):
    """What cannot even be read is wrong, and said in one line."""
    try:
        return main(arguments)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        for line in WRONG:
            print("WRONG", line.encode("unicode_escape").decode())
        print("WRONG", "the pack cannot be read:", f"{type(error).__name__} {error}".encode("unicode_escape").decode())
        return 1


if __name__ == "__main__":
    sys.exit(guarded(sys.argv[1:]))
