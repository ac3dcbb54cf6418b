"""Every operation of the API document that reads, as each role that may call it, with each of its filters, over the filled database."""
import collections
import re
import statistics
import time
import urllib.parse

from harness import reads
from kit import say

CALLS = 5         # of each address
PATIENCE = 1.0    # seconds after which an address is not called again
SLOW = 50         # ms
DEEP = 12         # pages until the one far back
SLOWEST = 40      # that are printed

# --- calls -------------------------------------------------------------------------------------------------------------

Call = collections.namedtuple("Call", "operation who address status times")


def timed(client, address):
    times, status = [], 0
    end = time.monotonic() + PATIENCE
    while len(times) < CALLS and (not times or time.monotonic() < end):
        begin = time.monotonic()
        status = client.request("GET", address).status_code
        times.append(1000 * (time.monotonic() - begin))
    return status, times


def far_back(client, address):
    """The address of a page far back; None when the list ends before."""
    at = address
    for _ in range(DEEP - 1):
        answer = client.request("GET", at)
        cursor = answer.json().get("next_cursor") if answer.status_code == 200 else None
        if not cursor:
            return None
        at = f"{address}&cursor={urllib.parse.quote(cursor)}"
    return at


def call_all(document, caller):
    for path, operation in document.reads():
        name = operation["operationId"]
        if not caller.may(operation["x-ra-access"]):
            continue
        known = reads.named(caller.client, path)
        if known is None:
            yield Call(name, caller.who, path, 0, [])
            continue
        for address in document.addresses(known, operation):
            yield Call(name, caller.who, address, *timed(caller.client, address))
            deep = far_back(caller.client, address) if document.is_list(operation) else None
            if deep:
                yield Call(name, caller.who, f"{address}, page {DEEP}", *timed(caller.client, deep))


# --- the report --------------------------------------------------------------------------------------------------------


def median(call):
    return statistics.median(call.times)


def percentile_99(times):
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]


def report(calls, operations):
    asked = [call for call in calls if call.times]
    yield (f"{len(operations)} operations that read, {len(asked)} addresses (operation × role and sight × filter × page 1 and {DEEP}),"
           f" {sum(len(call.times) for call in asked)} calls; milliseconds of the client")
    for name in operations:
        of = [call for call in asked if call.operation == name]
        times = [taken for call in of for taken in call.times]
        if times:
            statuses = collections.Counter(call.status for call in of)
            yield (f"    {name:<28} {len(times):>5} calls   p50 {statistics.median(times):>7.1f}   p99 {percentile_99(times):>7.1f}   "
                   + ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
        else:
            yield f"    {name:<28} nothing to ask for"
    slow = sorted((call for call in asked if median(call) > SLOW), key=median, reverse=True)
    yield f"addresses whose median is above {SLOW} ms: {len(slow)}"
    for call in slow[:SLOWEST]:
        yield f"    {median(call):>7.0f} ms   {call.status}   {call.who}   {re.sub('&?limit=50', '', urllib.parse.unquote(call.address)).replace('?&', '?')}"


def run(stack, options):
    """Lines of the report."""
    calls = []
    with stack.client("public") as anybody:
        document = reads.Document(anybody.get("/openapi.json").json(), reads.known_values(stack, options.rows), options.rows)
    for caller in reads.callers(stack):
        with caller.client:
            calls += call_all(document, caller)
        say(f"{caller.who}: {len(calls)} addresses so far")
    return list(report(calls, [operation["operationId"] for _, operation in document.reads()]))
