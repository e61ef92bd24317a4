"""Checks what AT1 wrote, for an auditor who trusts nobody: it needs Python 3.10 and nothing else, least of all AT1.

  audit.py ledger LEDGER [--head N:HEX] [--checkpoint NOTE --key VKEY]
  audit.py proof FILE --policy POLICY [--rows FILE.rows] [--event FILE.event]
  audit.py growth FILE --policy POLICY --old NOTE
  audit.py tiles DIR --key VKEY

ledger  recomputes a ledger from its first line. A receipt (--head) or a signed checkpoint shows that it is the history
        that someone saw before; without either, whoever can write the file could have made it.
proof   one row, a range of rows, or one event is in the log that the policy trusts. FILE.rows and FILE.event hold what
        was too large for the proof itself.
growth  the checkpoint in FILE extends the older checkpoint NOTE. Of the policy only the log keys have to have signed:
        FILE is what one sends to a witness, so it has no cosignatures yet.
tiles   entries, tiles and checkpoint of an exported log are one tree, and its entries are one chain. Tiles that a tree
        of the checkpoint's size does not have are not looked at.

Prints one line of JSON. Exit code 0: everything held. 1: something did not, and one line on stderr says where, what was
expected and what was found. 2: usage.

Not judged: segments, the manifest, and members of details that are not named here. Whether a table still has its rows
is another question. Formats: docs/spec/ledger.md, and of C2SP signed-note, tlog-checkpoint, tlog-cosignature,
tlog-policy, tlog-proof, tlog-tiles, tlog-witness.
"""

import argparse
import base64
import calendar
import hashlib
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# ---------------------------------------------------------------------------------------------------------- refusals


class Refused(ValueError):
    """Something did not hold."""


def require(holds: object, where: str, expected: object, found: object) -> None:
    """Every check of this program is a call of this function; nothing else decides."""
    if not holds:
        # What was found is someone else's: it must neither break the line nor fill the screen.
        expected, found = (str(value)[:200] for value in (expected, found))
        raise Refused("".join(c if c.isprintable() else "?" for c in f"{where}: expected {expected}, found {found}"))


# ------------------------------------------------------------------------------------------- texts with one spelling
# A second spelling of the same value would let two different files pass for the same proof, so there is none.


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def utf8(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"{where}: expected UTF-8, found {error}") from None


def base64_bytes(text: object, where: str) -> bytes:
    """Standard base64 with padding. Decoders let pass unused bits and stray characters; encoding again does not."""
    try:
        data = base64.b64decode(text) if isinstance(text, str) else None
    except ValueError:
        data = None
    require(data is not None and base64_text(data) == text, where, "canonical base64", text)
    return data


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def base64_hash(text: object, where: str) -> bytes:
    data = base64_bytes(text, where)
    require(len(data) == 32, where, "32 bytes", len(data))
    return data


def decimal(text: str, where: str) -> int:
    require(re.fullmatch("0|[1-9][0-9]{0,18}", text), where, "a decimal without leading zeros", text)
    return int(text)


# ---------------------------------------------------------------------------------------------------- canonical JSON

INTEGER_MAX = 2**53 - 1


def canonical_json(text: str, where: str) -> dict:
    """An object of the profile of docs/spec/ledger.md, section 4. Repeated keys, too, do not survive the round trip."""
    try:
        value = json.loads(text)
        again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{where}: expected JSON, found {error}") from None
    require(again == text and isinstance(value, dict), where, "an object in canonical JSON", text)
    require(in_profile(value, 8), where, "whole numbers to 2^53-1, keys of a-z 0-9 _, at most 8 levels", text)
    return value


def in_profile(value: object, levels: int) -> bool:
    if isinstance(value, dict):
        keys_fit = all(re.fullmatch("[a-z0-9_]{1,32}", key) for key in value)
        return levels > 0 and keys_fit and all(in_profile(item, levels - 1) for item in value.values())
    if isinstance(value, list):
        return levels > 0 and all(in_profile(item, levels - 1) for item in value)
    return value is None or isinstance(value, (str, bool)) or is_count(value)


def is_count(value: object) -> bool:
    """Python takes true for 1; JSON does not."""
    return type(value) is int and 0 <= value <= INTEGER_MAX


# ------------------------------------------------------------------------------------------------------------ events

EVENT_BYTES_MAX = 65_535
OPERATIONS = ("append", "compact", "vacuum", "schema", "anchor", "key", "note")
# The operation cannot contain the brace that ends it, and the time has a fixed width: an event splits in one way only.
EVENT = re.compile(
    r"([0-9a-f]{64})([a-z_]{3,16})(\{.*\})([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z)"
)


@dataclass(frozen=True)
class Event:
    prev: str
    op: str
    detail: dict
    ts: str
    batches: list[dict]  # records of the batches that an append brings; no other operation brings any


def parse_event(data: bytes, n: int, where: str) -> Event:
    """Takes e_n apart. The hashes are over the stored bytes, never over anything made from the result of this."""
    require(len(data) <= EVENT_BYTES_MAX, where, f"at most {EVENT_BYTES_MAX} bytes", len(data))
    match = EVENT.fullmatch(utf8(data, where))
    require(match, where, "chain value, operation, detail, time", data[:200])
    prev, op, text, ts = match.groups()
    require(op in OPERATIONS, where, "an operation of version 1 (of a later one nothing is known)", op)
    require(is_time(ts), where, "a time that exists", ts)
    detail = canonical_json(text, f"{where}: detail")
    for member in ("n", "batches_total", "rows_total", "bytes_total"):
        require(is_count(detail.get(member)), f"{where}: {member}", "a number", detail.get(member))
    require(detail["n"] == n, f"{where}: n", n, detail["n"])
    batches = detail.get("batches") if op == "append" else []
    require(isinstance(batches, list) and (batches or op != "append"), f"{where}: batches", "one or more", batches)
    for batch in batches:
        fits = isinstance(batch, dict) and is_count(batch.get("bytes")) and is_count(batch.get("rows"))
        require(fits, f"{where}: batches", "records with bytes and rows", batch)
    return Event(prev, op, detail, ts, batches)


def is_time(ts: str) -> bool:
    year, month, day, hour, minute, second = (int(part) for part in re.split("[-T:.]", ts)[:6])
    days = (31, 29 if calendar.isleap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return 1 <= month <= 12 and 1 <= day <= days[month - 1] and hour < 24 and minute < 60 and second < 60


# ------------------------------------------------------------------------------------------------------------- trees
# RFC 6962, written as its definitions read: a tree of n > 1 leaves is cut at the largest power of two below n. Every
# function below goes down the same cuts, and a proof has to be used up exactly.


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data)


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right)


def cut(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)


def tree_root(hashes: list[bytes]) -> bytes:
    """Level by level; an odd last node moves up as it is, which comes to the same cuts."""
    level = hashes or [sha256(b"")]
    while len(level) > 1:
        pairs = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[2 * len(pairs) :]
    return level[0]


def inclusion_root(leaf: bytes, index: int, size: int, path: list[bytes], where: str) -> bytes:
    """The root that a leaf and its path, bottom up, lead to."""
    require(0 <= index < size, where, f"an index below {size}", index)
    require(bool(path) == (size > 1), where, "as many hashes as the tree has cuts here", "another number")
    if size == 1:
        return leaf
    half = cut(size)
    if index < half:
        return node_hash(inclusion_root(leaf, index, half, path[:-1], where), path[-1])
    return node_hash(path[-1], inclusion_root(leaf, index - half, size - half, path[:-1], where))


def require_growth(old: int, old_root: bytes, new: int, new_root: bytes, proof: list[bytes], where: str) -> None:
    """Consistency: the first `old` of `new` leaves have the old root. Size 0 proves nothing: every tree extends it."""
    require(0 < old <= new, where, f"an old size from 1 to {new}", old)
    rest = list(proof)

    def following() -> bytes:
        require(rest, where, "more hashes", f"only {len(proof)}")
        return rest.pop()

    def roots(first: int, size: int, leftmost: bool) -> tuple[bytes, bytes]:
        """What a subtree of `size` leaves came to when it had only its `first`, and what it comes to now."""
        if first == size:
            whole = old_root if leftmost else following()
            return whole, whole
        half, sibling = cut(size), following()
        if first <= half:
            before, now = roots(first, half, leftmost)
            return before, node_hash(now, sibling)
        before, now = roots(first - half, size - half, False)
        return node_hash(sibling, before), node_hash(sibling, now)

    before, now = roots(old, new, True)
    require(not rest, where, f"{len(proof) - len(rest)} hashes", len(proof))
    require(before == old_root, f"{where}: root of the old size", base64_text(old_root), base64_text(before))
    require(now == new_root, f"{where}: root of the new size", base64_text(new_root), base64_text(now))


def range_root(leaves: list[bytes], first: int, size: int, hashes: list[bytes], where: str) -> bytes:
    """The root that leaves first, first + 1, … lead to, with what lies outside them, left to right."""
    end, rest = first + len(leaves), list(reversed(hashes))
    require(0 <= first < end <= size, where, f"a range within {size} rows", f"{first} to {end}")

    def root(low: int, high: int) -> bytes:
        if high <= first or end <= low:
            require(rest, where, "more hashes", f"only {len(hashes)}")
            return rest.pop()
        if high - low == 1:
            return leaves[low - first]
        middle = low + cut(high - low)
        return node_hash(root(low, middle), root(middle, high))

    result = root(0, size)
    require(not rest, where, f"{len(hashes) - len(rest)} hashes", len(hashes))
    return result


# ----------------------------------------------------------------------------------------------------------- Ed25519
# RFC 8032, verification only: nothing here is secret, so nothing has to take constant time. Points are (X, Y, Z, T)
# with x = X/Z, y = Y/Z, xy = T/Z. Stricter than the RFC, so that verifiers cannot differ: no second encodings, and no
# points of small order, under which one signature can fit many texts.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


def add(a: Point, b: Point) -> Point:
    """Complete: right for every two points, also for a point and itself."""
    u, v = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    w, z = 2 * D * a[3] * b[3] % P, 2 * a[2] * b[2] % P
    e, f, g, h = v - u, z - w, z + w, v + u
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(factor: int, point: Point) -> Point:
    result = NEUTRAL
    while factor:
        if factor & 1:
            result = add(result, point)
        point, factor = add(point, point), factor >> 1
    return result


def same(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def decode_point(data: bytes) -> Point | None:
    """None unless it is the one encoding of a point of the curve that is not of small order."""
    y, odd = int.from_bytes(data, "little") & (2**255 - 1), data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or x * x % P != square or (x == 0 and odd):
        return None
    if x & 1 != odd:
        x = P - x
    point = (x, y, 1, x * y % P)
    return None if same(times(8, point), NEUTRAL) else point


BASE = decode_point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def ed25519_verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r, s = decode_point(public), decode_point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    return same(times(s, BASE), add(r, times(k, a)))


# ------------------------------------------------------------------------------------------------- keys and checkpoints

NOTE_BYTES_MAX = 256 * 1024
LOG, WITNESS = 0x01, 0x04  # signature types: Ed25519 over the text, Ed25519 over a time and the text


@dataclass(frozen=True)
class Key:
    name: str
    id: bytes
    kind: int
    public: bytes


def is_name(text: str) -> bool:
    return text != "" and not any(c.isspace() or c == "+" or unicodedata.category(c) == "Cc" for c in text)


def parse_key(text: str, kind: int, where: str) -> Key:
    """A verifier key: its name, its id in hexadecimal, and the base64 of its type and public key."""
    name, digits, data = (text.split("+", 2) + ["", ""])[:3]
    require(is_name(name), where, "NAME+ID+KEY", text)
    blob = base64_bytes(data, where)
    require(blob[:1] == bytes([kind]), where, f"a key of type {kind}", text)
    require(len(blob) == 33 and decode_point(blob[1:]), where, "a sound Ed25519 public key", text)
    key_id = sha256(name.encode("utf-8", "surrogateescape") + b"\n" + blob)[:4]
    require(digits == key_id.hex(), where, f"the id {key_id.hex()}", digits)
    return Key(name, key_id, kind, blob[1:])


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes
    signers: list[Key]  # of the keys asked for, those that signed


def parse_checkpoint(data: bytes, keys: list[Key], where: str) -> Checkpoint:
    """A signed note of exactly three lines. Signatures of unknown keys are ignored; a bad one of a known key is not.

    One has to be the log's. Its key is named like the log: a trusted key of another log says nothing about this one.
    """
    require(len(data) <= NOTE_BYTES_MAX, where, f"at most {NOTE_BYTES_MAX} bytes", len(data))
    note = utf8(data, where)
    require(not re.search("[\x00-\x09\x0b-\x1f]", note), where, "no control characters but LF", "one")
    text, blank, lines = note.rpartition("\n\n")
    require(blank and lines.endswith("\n"), where, "a text, a blank line, signature lines", note[-200:])
    text += "\n"
    signers = []
    for line in lines[:-1].split("\n"):
        _, name, encoded = (line.split(" ") + ["", ""])[:3]
        require(line == f"\u2014 {name} {encoded}" and is_name(name), where, "\u2014 NAME SIGNATURE", line)
        blob = base64_bytes(encoded, f"{where}: signature of {name}")
        require(len(blob) > 4, f"{where}: signature of {name}", "a key id and a signature", encoded)
        for key in (key for key in keys if (key.name, key.id) == (name, blob[:4])):
            require(signature_holds(key, blob[4:], text), f"{where}: signature of {name}", "one that verifies", encoded)
            signers.append(key)
    fields = text.split("\n")
    require(len(fields) == 4 and fields[0], where, "a text of three lines: origin, size, root", text)
    origin, size, root = fields[0], decimal(fields[1], f"{where}: size"), base64_hash(fields[2], f"{where}: root")
    log_signed = any(key.kind == LOG and key.name == origin for key in signers)
    require(log_signed, where, f"a signature of a known log key named {origin}", "none")
    return Checkpoint(origin, size, root, signers)


def signature_holds(key: Key, signature: bytes, text: str) -> bool:
    if key.kind == LOG:
        return ed25519_verifies(key.public, signature, text.encode())
    time = int.from_bytes(signature[:8], "big")
    message = f"cosignature/v1\ntime {time}\n{text}".encode()
    return time < 2**63 and ed25519_verifies(key.public, signature[8:], message)


# ------------------------------------------------------------------------------------------------------------ policy


@dataclass(frozen=True)
class Policy:
    logs: list[Key]
    witnesses: dict[str, Key]
    groups: dict[str, tuple[int, list[str]]]  # threshold and members, which are defined before the group
    quorum: str

    def checkpoint(self, data: bytes, where: str) -> tuple[Checkpoint, list[str]]:
        """A checkpoint that a log signed, and the names that this policy gives to the witnesses that cosigned it."""
        checkpoint = parse_checkpoint(data, [*self.logs, *self.witnesses.values()], where)
        return checkpoint, [name for name, key in self.witnesses.items() if key in checkpoint.signers]

    def require_quorum(self, cosigned: list[str], where: str) -> None:
        reached = {"none", *cosigned}
        for name, (threshold, members) in self.groups.items():
            if sum(member in reached for member in members) >= threshold:
                reached.add(name)
        require(self.quorum in reached, where, f"the quorum {self.quorum}", f"cosignatures of {cosigned}")


def parse_policy(data: bytes, where: str) -> Policy:
    require(not re.search(b"[\x00-\x08\x0b-\x1f\x7f]", data), where, "no control characters but tab and LF", "one")
    logs, witnesses, groups, quorum, members = [], {}, {}, None, set()
    # Names are bytes to a policy. This decoding keeps different bytes different, and agrees with notes on UTF-8.
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        line, at = line.strip(" \t"), f"{where}: line {number}"
        if not line or line.startswith("#"):
            continue
        word, *rest = re.split("[ \t]+", line)
        if word in ("witness", "group"):
            known = {"none", *witnesses, *groups}
            require(len(rest) > 1 and rest[0] not in known, at, "a new name, and what it is", line)
        if word == "log" and len(rest) in (1, 2):
            logs.append(parse_key(rest[0], LOG, at))
            require(logs[-1].public not in [key.public for key in logs[:-1]], at, "each log key once", line)
        elif word == "witness" and len(rest) in (2, 3):
            key = parse_key(rest[1], WITNESS, at)
            require(key.public not in [key.public for key in witnesses.values()], at, "each witness key once", line)
            witnesses[rest[0]] = key
        elif word == "group" and len(rest) > 2:
            name, rule, *named = rest
            for member in named:
                # A witness that is in two groups, or twice in one, would count twice.
                require(member in witnesses or member in groups, at, "members defined before", member)
                require(member not in members, at, "each name as a member once", member)
                members.add(member)
            threshold = {"any": 1, "all": len(named)}.get(rule) or decimal(rule, at)
            require(1 <= threshold <= len(named), at, f"a threshold from 1 to {len(named)}", rule)
            groups[name] = (threshold, named)
        elif word == "quorum" and len(rest) == 1:
            require(quorum is None and rest[0] in {"none", *witnesses, *groups}, at, "one quorum, defined before", line)
            quorum = rest[0]
        else:
            require(False, at, "a log, witness, group or quorum line", line)
    require(quorum is not None, where, "a quorum line", "none")
    return Policy(logs, witnesses, groups, quorum)


# ------------------------------------------------------------------------------------------------------ audit: ledger


def audit_ledger(args: argparse.Namespace) -> dict:
    path, leaves, keys, totals, last, at_head = args.path, [], [], [0, 0, 0], "", "fewer events"
    with open(path, "rb") as file:
        line = file.readline()
        require(line.endswith(b"\n"), f"{path}: header", "a line with LF", line)
        origin, chain = parse_header(line[:-1], f"{path}: header"), sha256(line[:-1]).hex()
        for n, line in enumerate(file):
            where, data = f"{path}: line {n + 2}, event {n}", line[65:-1]
            if not line.endswith(b"\n"):
                # A crash, not evidence. Only the last line can lack its LF, so nothing is skipped here.
                print(f"{where}: torn, {len(line)} bytes without LF are ignored", file=sys.stderr)
                break
            before, chain = chain, sha256(data).hex()
            require(line[:65] == f"{chain} ".encode(), f"{where}: hash of the line", chain, line[:65])
            event = parse_event(data, n, where)
            require(event.prev == before, f"{where}: chain value before it", before, event.prev)
            require(event.ts > last, f"{where}: time", f"later than {last}", event.ts)
            brought = len(event.batches), sum(b["rows"] for b in event.batches), sum(b["bytes"] for b in event.batches)
            totals = [total + more for total, more in zip(totals, brought)]
            stated = [event.detail[member] for member in ("batches_total", "rows_total", "bytes_total")]
            require(stated == totals, f"{where}: totals of batches, rows, bytes", totals, stated)
            if event.op == "key" and "add" in event.detail:
                require(isinstance(event.detail["add"], str), f"{where}: add", "a key", event.detail["add"])
                keys.append(event.detail["add"])
            leaves.append(leaf_hash(data))
            last = event.ts
            if args.head and n == args.head[0]:
                at_head = chain
    if args.head:
        require(at_head == args.head[1], f"{path}: chain value of event {args.head[0]}", args.head[1], at_head)
    if args.checkpoint:
        note = parse_checkpoint(Path(args.checkpoint).read_bytes(), [args.key], args.checkpoint)
        require(note.origin == origin, f"{args.checkpoint}: origin", origin, note.origin)
        require(note.size <= len(leaves), f"{path}: events", f"{note.size} or more", len(leaves))
        root, where = tree_root(leaves[: note.size]), f"{path}: root of the first {note.size} events"
        require(root == note.root, where, base64_text(note.root), base64_text(root))
    return {"events": len(leaves), "chain": chain, "root": base64_text(tree_root(leaves)), "keys": keys}


def parse_header(line: bytes, where: str) -> str:
    """The origin, after which checkpoints and keys are named."""
    magic, text = "at1-ledger/v1 ", utf8(line, where)
    require(text.startswith(magic), where, magic, text)
    header = canonical_json(text[len(magic) :], where)
    require(sorted(header) == ["log", "nonce", "origin", "row"], where, "log, nonce, origin, row", sorted(header))
    nonce, origin = header["nonce"], header["origin"]
    require(header["log"] is None, f"{where}: log", "null", header["log"])
    require(isinstance(nonce, str) and re.fullmatch("[0-9a-f]{32}", nonce), f"{where}: nonce", "32 digits", nonce)
    fits = isinstance(origin, str) and is_name(origin) and len(origin.encode()) <= 255
    require(fits, f"{where}: origin", "1 to 255 bytes that can name a key", origin)
    require(header["row"] in ("source-bytes/1", "none"), f"{where}: row", "source-bytes/1 or none", header["row"])
    return origin


def is_digest(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


# ------------------------------------------------------------------------------------------------------- audit: proof

EXTRA_BYTES_MAX = 48 * 1024
PATH_HASHES_MAX = 63
MEMBERS = {
    "event": {"at1_event_proof", "event"},
    "row": {"at1_row_proof", "batch", "event", "path", "row", "row_index"},
    "range": {"at1_range_proof", "batch", "event", "first", "path", "rows"},
}


def audit_proof(args: argparse.Namespace) -> dict:
    path, policy = args.path, parse_policy(Path(args.policy).read_bytes(), args.policy)
    lines, note = split_top(path)
    require(lines[0] == "c2sp.org/tlog-proof@v1", f"{path}: line 1", "c2sp.org/tlog-proof@v1", lines[0])
    extra = base64_bytes(after("extra ", lines, 1, path), f"{path}: extra")
    index = decimal(after("index ", lines, 2, path), f"{path}: index")
    inclusion = hash_lines(lines[3:], path)
    require(len(extra) <= EXTRA_BYTES_MAX, f"{path}: extra", f"at most {EXTRA_BYTES_MAX} bytes", len(extra))
    proof = canonical_json(utf8(extra, f"{path}: extra"), f"{path}: extra")
    kind = next((kind for kind in MEMBERS if f"at1_{kind}_proof" in proof), "event")
    version = proof.get(f"at1_{kind}_proof")
    require(is_count(version) and version == 1, f"{path}: extra", "an AT1 proof of version 1", sorted(proof))
    # What was too large lies beside the proof: the rows, and the event if that was not enough. Nothing is in both.
    rows_member = "row" if kind == "row" else "rows"
    beside = {member for member, file in ((rows_member, args.rows), ("event", args.event)) if file}
    fits = beside <= MEMBERS[kind] and set(proof) == MEMBERS[kind] - beside
    have = f"{sorted(proof)} and beside it {sorted(beside)}"
    require(fits, f"{path}: members of extra", f"{sorted(MEMBERS[kind])}, each once", have)

    # From here on nothing is believed before what it hangs on: the checkpoint, the event, its batch, the rows.
    checkpoint, cosigned = policy.checkpoint(note, f"{path}: checkpoint")
    policy.require_quorum(cosigned, f"{path}: checkpoint")
    require("event" in beside or isinstance(proof["event"], str), f"{path}: event", "a string", proof.get("event"))
    data = Path(args.event).read_bytes() if args.event else proof["event"].encode()
    root = inclusion_root(leaf_hash(data), index, checkpoint.size, inclusion, f"{path}: inclusion of event {index}")
    require(root == checkpoint.root, f"{path}: root of the events", base64_text(checkpoint.root), base64_text(root))
    event = parse_event(data, index, f"{path}: event {index}")
    result = {"kind": kind, "origin": checkpoint.origin, "size": checkpoint.size, "event": index, "ts": event.ts}
    if kind != "event":
        texts = proof.get("rows", [proof.get("row")])
        require(isinstance(texts, list), f"{path}: rows", "an array", texts)
        rows = read_rows(args.rows) if args.rows else [base64_bytes(text, f"{path}: {rows_member}") for text in texts]
        result |= prove_rows(proof, kind, event, rows, path)
    return result | {"log_signed": True, "witnesses": cosigned}


def prove_rows(proof: dict, kind: str, event: Event, rows: list[bytes], where: str) -> dict:
    """The rows are in the batch that they are said to be in, and the event brought that batch."""
    require(event.op == "append", f"{where}: operation", "append", event.op)
    number, end = proof["batch"], event.detail["batches_total"]
    first = end - len(event.batches)
    fits = is_count(number) and 0 <= first <= number < end
    require(fits, f"{where}: batch", f"one of {first} to {end - 1}", number)
    batch = event.batches[number - first]
    require(is_digest(batch.get("rows_root")), f"{where}: rows_root", "a tree over the rows", batch.get("rows_root"))
    require(isinstance(proof["path"], list), f"{where}: path", "an array", proof["path"])
    hashes = [base64_hash(text, f"{where}: path") for text in proof["path"]]
    leaves = [leaf_hash(row) for row in rows]
    place = "row_index" if kind == "row" else "first"
    at, inside = proof[place], f"{where}: rows of batch {number}"
    require(is_count(at), f"{where}: {place}", "a number", at)
    if kind == "row":
        require(len(rows) == 1, inside, "one row", len(rows))
        root = inclusion_root(leaves[0], at, batch["rows"], hashes, inside)
    else:
        root = range_root(leaves, at, batch["rows"], hashes, inside)
    require(root.hex() == batch["rows_root"], f"{inside}: root", batch["rows_root"], root.hex())
    texts = [base64_text(row) for row in rows]
    return {"batch": number, place: at} | ({"row": texts[0]} if kind == "row" else {"rows": texts})


def read_rows(path: str) -> list[bytes]:
    """A u32, little-endian, and as many bytes, for each row."""
    data, at, rows = Path(path).read_bytes(), 0, []
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "little")
        require(at + 4 <= len(data) and end <= len(data), f"{path}: row {len(rows)}", "the whole row", "the end")
        rows.append(data[at + 4 : end])
        at = end
    return rows


def split_top(path: str) -> tuple[list[str], bytes]:
    """The lines before the first blank line, and the checkpoint after it."""
    top, blank, note = Path(path).read_bytes().partition(b"\n\n")
    require(blank, path, "a blank line before the checkpoint", "none")
    return utf8(top, path).split("\n"), note


def after(word: str, lines: list[str], index: int, path: str) -> str:
    line = lines[index] if index < len(lines) else ""
    require(line.startswith(word), f"{path}: line {index + 1}", f"{word}…", line)
    return line[len(word) :]


def hash_lines(lines: list[str], path: str) -> list[bytes]:
    require(len(lines) <= PATH_HASHES_MAX, path, f"at most {PATH_HASHES_MAX} hashes", len(lines))
    return [base64_hash(line, f"{path}: hash {number}") for number, line in enumerate(lines)]


# ------------------------------------------------------------------------------------------------------ audit: growth


def audit_growth(args: argparse.Namespace) -> dict:
    path, policy = args.path, parse_policy(Path(args.policy).read_bytes(), args.policy)
    lines, note = split_top(path)
    size = decimal(after("old ", lines, 0, path), f"{path}: old")
    hashes = hash_lines(lines[1:], path)
    new, cosigned = policy.checkpoint(note, f"{path}: checkpoint")
    old, _ = policy.checkpoint(Path(args.old).read_bytes(), args.old)
    require(old.origin == new.origin, f"{args.old}: origin", new.origin, old.origin)
    require(old.size == size, f"{args.old}: size", size, old.size)
    require_growth(old.size, old.root, new.size, new.root, hashes, f"{path}: growth")
    sizes = {"origin": new.origin, "old_size": old.size, "size": new.size, "root": base64_text(new.root)}
    return sizes | {"log_signed": True, "witnesses": cosigned}


# ------------------------------------------------------------------------------------------------------- audit: tiles


def audit_tiles(args: argparse.Namespace) -> dict:
    top, name = Path(args.path), f"{args.path}/checkpoint"
    checkpoint = parse_checkpoint(Path(name).read_bytes(), [args.key], name)
    leaves, genesis, chain = [], None, None
    for first, width in tiles(checkpoint.size):
        path = top / "tile" / "entries" / tile_name(first, width)
        data, at = path.read_bytes(), 0
        for n in range(first, first + width):
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            require(at + 2 <= len(data) and end <= len(data), f"{path}: entry {n}", "the whole entry", "the end")
            entry, at = data[at + 2 : end], end
            prev = entry[:64].decode("latin-1")
            require(is_digest(prev), f"{path}: entry {n}", "64 digits first", prev)
            # The header is no entry, so nothing here can say whether what entry 0 follows is its digest.
            genesis = genesis or prev
            require(prev == (chain or genesis), f"{path}: entry {n}: chain value before it", chain, prev)
            chain = sha256(entry).hex()
            leaves.append(leaf_hash(entry))
        require(at == len(data), path, f"{width} entries in {at} bytes", f"{len(data)} bytes")

    level, hashes = 0, leaves
    while hashes:
        for first, width in tiles(len(hashes)):
            path = top / "tile" / str(level) / tile_name(first, width)
            data = path.read_bytes()
            require(len(data) == 32 * width, path, f"{width} hashes of 32 bytes", f"{len(data)} bytes")
            for i in range(width):
                ours, theirs = hashes[first + i], data[32 * i : 32 * i + 32]
                require(ours == theirs, f"{path}: hash {i}", ours.hex(), theirs.hex())
        hashes = [tree_root(hashes[i - 256 : i]) for i in range(256, len(hashes) + 1, 256)]
        level += 1

    root = tree_root(leaves)
    require(root == checkpoint.root, f"{top}: root", base64_text(checkpoint.root), base64_text(root))
    return {"origin": checkpoint.origin, "size": checkpoint.size, "root": base64_text(root), "genesis": genesis}


def tiles(size: int) -> Iterator[tuple[int, int]]:
    """First index and width of each tile of a level with so many hashes."""
    return ((first, min(256, size - first)) for first in range(0, size, 256))


def tile_name(first: int, width: int) -> str:
    digits = str(first // 256)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    name = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return name if width == 256 else f"{name}.p/{width}"


# ------------------------------------------------------------------------------------------------------ command line


def receipt(text: str) -> tuple[int, str]:
    number, _, chain = text.partition(":")
    require(is_digest(chain), "receipt", "N:HEX", text)
    return decimal(number, "receipt"), chain


def log_key(text: str) -> Key:
    return parse_key(text, LOG, "key")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="ledger|proof|growth|tiles")
    for name, run, path in (
        ("ledger", audit_ledger, "LEDGER"),
        ("proof", audit_proof, "FILE"),
        ("growth", audit_growth, "FILE"),
        ("tiles", audit_tiles, "DIR"),
    ):
        command = commands.add_parser(name, allow_abbrev=False)
        command.set_defaults(run=run)
        command.add_argument("path", metavar=path)
        if name == "ledger":
            command.add_argument("--head", type=receipt, metavar="N:HEX")
            command.add_argument("--checkpoint", metavar="NOTE")
        if name in ("ledger", "tiles"):
            command.add_argument("--key", type=log_key, metavar="VKEY", required=name == "tiles")
        if name in ("proof", "growth"):
            command.add_argument("--policy", required=True)
        if name == "proof":
            command.add_argument("--rows", metavar="FILE.rows")
            command.add_argument("--event", metavar="FILE.event")
        if name == "growth":
            command.add_argument("--old", metavar="NOTE", required=True)
    args = parser.parse_args()
    if args.run is audit_ledger and bool(args.checkpoint) != bool(args.key):
        parser.error("--checkpoint and --key go together")
    try:
        print(json.dumps(args.run(args), separators=(",", ":")))
    except (Refused, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
