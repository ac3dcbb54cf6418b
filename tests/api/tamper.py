"""A log in memory and every way of falsifying it that a chance may pick. Each way says how the finding must name it.

The forger is as good as he can be without the key: he mends the counts at the end of the export, stored hashes and trees where he likes.
"""
import copy
import datetime
import json
import re
import uuid

from harness import evidence

BEGIN = datetime.datetime(2026, 11, 23, 8, 0, 0)
STEP = datetime.timedelta(seconds=1)
COLUMNS = ("id", "at", "event", "outcome", "problem", "actor_kind", "actor_id", "actor_name", "credential_sha256", "host", "client_ip", "object_type",
           "object_id", "detail", "trace_id")


def text_of(moment):
    return moment.isoformat(timespec="microseconds") + "Z"


def new_id(random):
    return str(uuid.UUID(int=random.getrandbits(128) & ~(0xF << 76) & ~(3 << 62) | 7 << 76 | 2 << 62))


def event(random, moment):
    made = {"id": new_id(random), "at": text_of(moment), "event": random.choice(("createApplication", "reviewApplication", "drawCodes")),
            "outcome": random.choice(("done", "refused", "read")), "actor_kind": "person", "actor_id": new_id(random), "actor_name": "王录入",
            "credential_sha256": f"{random.getrandbits(256):064x}", "host": "staff", "client_ip": "10.1.2.3", "object_type": "application",
            "object_id": new_id(random), "trace_id": f"{random.getrandbits(128):032x}"}
    if made["outcome"] == "refused":
        made["problem"] = "separation-of-duty"
    if random.random() < 0.3:
        made["detail"] = '{"step": "entry"}'
    return made


class Batch:
    def __init__(self, line, members):
        self.line = line
        self.members = members

    @property
    def number(self):
        return self.line["number"]


class Log:
    """An export as batches with members, and events that are not sealed."""

    def __init__(self, random, key, batches=12, most=30):
        self.key = key
        self.batches, self.unsealed = [], []
        previous, moment = evidence.NO_ROOT, BEGIN
        for number in range(1, batches + 1):
            events = []
            for _ in range(random.randint(3, most)):
                moment += STEP
                events.append(event(random, moment))
            line, members = evidence.seal(number, previous, events, text_of(moment), text_of(moment), key)
            previous = line["root"]
            self.batches.append(Batch(line, members))
        self.unsealed = [event(random, moment + STEP)]
        self.checkpoint = dict(self.batches[-1].line, kind="checkpoint")

    def lines(self):
        yield {"kind": "export", "format": 1, "from": 1, "made_at": text_of(BEGIN)}
        events = 0
        for batch in self.batches:
            yield batch.line
            yield from batch.members
            events += len(batch.members)
        for one in self.unsealed:
            yield {"kind": "unsealed", "event": one}
        yield {"kind": "end", "batches": len(self.batches), "events": events, "unsealed": len(self.unsealed)}

    def write(self, path):
        path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self.lines()), "utf-8")

    def write_checkpoint(self, path):
        path.write_text(json.dumps(self.checkpoint) + "\n", "utf-8")


# What names a thing in the output of ra-audit.

def names_event(member):
    return rf"^event {member['event_id']} "


def names_batch(number):
    return rf"^batch {number}:|^batch \d+ to batch {number}:|^batch {number} to batch |\(batch {number}, "


def pick(random, log):
    batch = random.choice(log.batches)
    return batch, random.choice(batch.members)


def other_value(random, name, value):
    """Another value that the column could hold."""
    if name == "at":
        return text_of(datetime.datetime.fromisoformat(value[:-1]) + datetime.timedelta(microseconds=random.choice((-1, 1, 3600000000))))
    if name == "outcome":
        return random.choice([one for one in ("done", "refused", "read") if one != value])
    if name in ("id", "actor_id", "object_id"):
        return new_id(random)
    if name in ("credential_sha256", "trace_id"):
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return value + random.choice("x ") if name != "actor_kind" else "ra"


def edit_column(random, log):
    batch, member = pick(random, log)
    changed = member["event"] = dict(member["event"])
    name = random.choice(COLUMNS)
    if name not in changed:
        changed[name] = "added"
    elif name in ("detail", "problem", "host", "object_type") and random.random() < 0.3:
        del changed[name]
    else:
        changed[name] = other_value(random, name, changed[name])
    return names_event(member), batch


def edit_with_hash(random, log):
    """The stored hash is mended too: the tree over the hashes is not what was signed."""
    _, batch = edit_column(random, log)
    for member in batch.members:
        member["event_sha256"] = evidence.leaf(member["event"]).hex()
    return names_batch(batch.number)


def edit_with_tree(random, log):
    """Hashes and tree are mended: the signature is not."""
    _, batch = edit_column(random, log)
    mend(batch)
    return names_batch(batch.number)


def edit_with_root(random, log):
    """Everything but the signatures is mended to the end of the chain."""
    _, batch = edit_column(random, log)
    mend(batch)
    mend_chain(log)
    return names_batch(batch.number)


def mend(batch):
    leaves = [evidence.leaf(member["event"]) for member in batch.members]
    for position, (member, hashed) in enumerate(zip(batch.members, leaves)):
        member.update(position=position, batch=batch.number, event_sha256=hashed.hex(), event_id=member["event"]["id"])
    batch.line.update(merkle_root=evidence.merkle_root(leaves).hex(), event_count=len(leaves), first_event=batch.members[0]["event_id"],
                      last_event=batch.members[-1]["event_id"])
    batch.line["root"] = evidence.root(batch.line)


def mend_chain(log):
    previous = evidence.NO_ROOT
    for batch in log.batches:
        batch.line["previous_root"] = previous
        previous = batch.line["root"] = evidence.root(batch.line)


def edit_stored_hash(random, log):
    _, member = pick(random, log)
    member["event_sha256"] = f"{random.getrandbits(256):064x}"
    return names_event(member)


def remove_event(random, log):
    _, member = pick(random, log)
    del member["event"]
    return names_event(member)


def remove_member(random, log):
    batch, member = pick(random, log)
    batch.members.remove(member)
    return names_batch(batch.number)


def remove_membership(random, log):
    """The event stays, but looks as if it had never been sealed."""
    batch, member = pick(random, log)
    batch.members.remove(member)
    log.unsealed.append(member["event"])
    return names_batch(batch.number)


def remove_and_mend(random, log):
    batch, member = pick(random, log)
    batch.members.remove(member)
    mend(batch)
    if random.random() < 0.5:
        mend_chain(log)
    return names_batch(batch.number)


def insert_member(random, log):
    batch, member = pick(random, log)
    made = event(random, datetime.datetime.fromisoformat(member["event"]["at"][:-1]))
    place = batch.members.index(member)
    batch.members.insert(place, {"kind": "member", "batch": batch.number, "position": place, "event_id": made["id"],
                                 "event_sha256": evidence.leaf(made).hex(), "event": made})
    for position, one in enumerate(batch.members):
        one["position"] = position
    return names_batch(batch.number)


def insert_unsealed(random, log):
    _, member = pick(random, log)
    moment = datetime.datetime.fromisoformat(member["event"]["at"][:-1]) - datetime.timedelta(microseconds=1)
    made = event(random, moment)
    log.unsealed.append(made)
    return rf"^event {made['id']}:"


def reorder_events(random, log):
    batch = random.choice(log.batches)
    first, second = sorted(random.sample(range(len(batch.members)), 2))
    members = batch.members
    members[first], members[second] = members[second], members[first]
    for position, member in enumerate(members):
        member["position"] = position
    return names_batch(batch.number)


def move_event(random, log):
    source, target = random.sample(log.batches, 2)
    member = random.choice(source.members)
    source.members.remove(member)
    target.members.insert(random.randint(0, len(target.members)), member)
    for batch in (source, target):
        for position, one in enumerate(batch.members):
            one.update(position=position, batch=batch.number)
    return names_batch(source.number), names_batch(target.number)


def swap_events_of_batches(random, log):
    source, target = random.sample(log.batches, 2)
    one, other = random.choice(source.members), random.choice(target.members)
    for name in ("event_id", "event_sha256", "event"):
        one[name], other[name] = other[name], one[name]
    return names_batch(source.number), names_batch(target.number)


def swap_batches(random, log):
    first, second = sorted(random.sample(range(len(log.batches)), 2))
    log.batches[first], log.batches[second] = log.batches[second], log.batches[first]
    if random.random() < 0.5:  # numbers as if nothing had happened
        for number, batch in enumerate(log.batches, 1):
            batch.line["number"] = number
            for member in batch.members:
                member["batch"] = number
    return names_batch(first + 1)


def remove_batch(random, log):
    batch = random.choice(log.batches)
    log.batches.remove(batch)
    return names_batch(batch.number)


def remove_batch_and_renumber(random, log):
    place = random.randrange(len(log.batches))
    del log.batches[place]
    for number, batch in enumerate(log.batches, 1):
        batch.line["number"] = number
        for member in batch.members:
            member["batch"] = number
    mend_chain(log)
    return names_batch(place + 1)


def truncate(random, log):
    kept = random.randrange(len(log.batches))
    first = kept + 1
    log.unsealed = [] if random.random() < 0.5 else log.unsealed
    del log.batches[kept:]
    return names_batch(first)


def truncate_and_seal_anew(random, log):
    """The end is cut off and other events are sealed in its place, as the sealer itself would do it."""
    kept = random.randrange(len(log.batches))
    numbers = len(log.batches)
    previous = log.batches[kept - 1].line["root"] if kept else evidence.NO_ROOT
    moment = datetime.datetime.fromisoformat(log.batches[kept].members[0]["event"]["at"][:-1])
    del log.batches[kept:]
    for number in range(kept + 1, numbers + 1):
        moment += STEP
        line, members = evidence.seal(number, previous, [event(random, moment)], text_of(moment), text_of(moment), log.key)
        previous = line["root"]
        log.batches.append(Batch(line, members))
    return names_batch(numbers)


def edit_batch(random, log):
    batch = random.choice(log.batches)
    name = random.choice(evidence.SIGNED)
    value = batch.line[name]
    if name == "number":
        batch.line[name] = value + random.choice((-1, 1, 100))
    elif name == "event_count":
        batch.line[name] = value + 1
    elif name in ("sealed_at", "seen_until"):
        batch.line[name] = other_value(random, "at", value)
    elif name.endswith("_event"):
        batch.line[name] = new_id(random)
    else:
        batch.line[name] = other_value(random, "trace_id", value)
    return names_batch(value if name == "number" else batch.number)


def edit_signature(random, log):
    batch = random.choice(log.batches)
    signature = bytearray(evidence.decode(batch.line["signature"]))
    signature[random.randrange(len(signature))] ^= 1 << random.randrange(8)
    batch.line["signature"] = evidence.encode(bytes(signature))
    return names_batch(batch.number)


def swap_signatures(random, log):
    one, other = random.sample(log.batches, 2)
    one.line["signature"], other.line["signature"] = other.line["signature"], one.line["signature"]
    return names_batch(one.number), names_batch(other.number)


FORGERS_KEY = evidence.Key()


def sign_with_another_key(random, log):
    batch = random.choice(log.batches)
    if random.random() < 0.5:
        batch.line["key_sha256"] = FORGERS_KEY.id
    batch.line["signature"] = FORGERS_KEY.sign(evidence.statement(batch.line))
    return names_batch(batch.number)


def edit_checkpoint(random, log):
    name = random.choice((*evidence.SIGNED, "signature", "root"))
    value = log.checkpoint[name]
    log.checkpoint[name] = value - 1 if isinstance(value, int) else evidence.encode(evidence.decode(value)[::-1]) if name == "signature" else \
        other_value(random, "at" if name in ("sealed_at", "seen_until") else "trace_id", value)
    return r"^checkpoint of batch \d+ "


WAYS = [edit_column, edit_with_hash, edit_with_tree, edit_with_root, edit_stored_hash, remove_event, remove_member, remove_membership, remove_and_mend,
        insert_member, insert_unsealed, reorder_events, move_event, swap_events_of_batches, swap_batches, remove_batch, remove_batch_and_renumber, truncate,
        truncate_and_seal_anew, edit_batch, edit_signature, swap_signatures, sign_with_another_key, edit_checkpoint]


def ways(random, count):
    """Each way once, then any by chance: `count` of them."""
    return [*WAYS, *(random.choice(WAYS) for _ in range(count - len(WAYS)))]


def tampered(random, log, way):
    """A copy of the log, falsified in one way, where chance will. @return (log, name of the way, patterns that must each match a line)"""
    forged = copy.deepcopy(log)
    patterns = way(random, forged)
    if isinstance(patterns, str):
        patterns = (patterns,)
    return forged, way.__name__, [one for one in patterns if isinstance(one, str)]


def unnamed(patterns, lines):
    """Patterns that no line matches."""
    return [one for one in patterns if not any(re.search(one, line) for line in lines)]
