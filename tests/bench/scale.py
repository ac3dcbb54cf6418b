"""One million subscribers, applications and certificates: searches next to a look-up by primary key, pages of a list, start, memory."""
import random
import statistics
import time
import urllib.parse

from harness import process, seed
from harness.rows import id_of, uuid_of
from kit import Comparison, Load, get, restart, say

SEARCHES = 2000  # of each kind in a round
PAGES = 300      # answers of each page that are timed
PAGE = 1000
MEMORY_REQUESTS = 1_000_000
MEMORY_MARKS = 5  # times that it is looked at on the way


# --- searches ----------------------------------------------------------------------------------------------------------


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def statements(text, rows, values):
    """The statement prepared once, as the module does, then run with other values each time."""
    runs = [f"EXECUTE s USING {values(number)};" for number in range(1, rows + 1, max(1, rows // SEARCHES))]
    return "\n".join([f"PREPARE s FROM {literal(text)};", *runs])


def timed(stack, sql):
    begin = time.monotonic()
    stack.database.client(sql, "ra")
    return time.monotonic() - begin


def prepared(stack, client, params):
    """The statement that a search makes the module prepare; the children are new."""
    restart(stack)
    stack.database.client("SET GLOBAL log_output = 'TABLE'; TRUNCATE mysql.general_log; SET GLOBAL general_log = ON")
    client.get("/subscribers", params=params)
    stack.database.client("SET GLOBAL general_log = OFF")
    return stack.database.client("SELECT argument FROM mysql.general_log WHERE command_type = 'Prepare'"
                                 " AND argument LIKE '%subscribers a %' LIMIT 1").strip()


def code_of(number):
    return f"91140100{number:010d}"


VALUES = {"name": lambda n: literal(f"山西规模测试信息技术有限公司{n:07d}"), "social_security_no": lambda n: literal(f"15{n:011d}"),
          "organisation_code": lambda n: literal(code_of(n)), "phone": lambda n: f"UNHEX(SHA2('phone{n}', 256))"}


def searcher(stack):
    """An acceptor who sees one city."""
    identity = stack.pki.client("bench-region")
    with stack.staff(seed.FIRST) as administrator:
        seed.create_person(administrator, "李规模", ["acceptor"], identity.pem, office_id=stack.ids["offices"]["taiyuan"], province_wide=False)
    return identity


def compare_statements(stack, identity, rows, rounds):
    """Each search as the module prepares it, next to the same columns by primary key, both over one connection. @return lines"""
    asked = {"name": "山西规模测试信息技术有限公司0000010", "social_security_no": "1500000000010", "organisation_code": "911401000000000010",
             "phone": "13835100000"}
    texts = {}
    with stack.client("staff", identity=identity) as client:
        for kind, value in asked.items():
            texts[kind] = prepared(stack, client, {kind: value})
    by_key = texts["name"].split(" WHERE ")[0].replace(" FORCE INDEX (subscribers_name)", "") + " WHERE a.id = ?"
    if stack.database.client(statements(by_key, 1, id_of), "ra") == "":
        raise process.Failed("the look-up by key finds nothing")
    base = statements(by_key, rows, id_of)
    yield "search of subscribers in the caller's region / the same columns by primary key, prepared statements, time for each, median of rounds"
    for kind, text in texts.items():
        order = (lambda value: f"{value}, '1401', 51") if kind == "phone" else (lambda value: f"'1401', {value}, 51")
        sql = statements(text, rows, lambda n: order(VALUES[kind](n)))
        pairs = [(timed(stack, sql), timed(stack, base)) for _ in range(rounds)]
        ratio = statistics.median(search / key for search, key in pairs)
        yield (f"    by {kind:<20} {1e6 * statistics.median(p[0] for p in pairs) / SEARCHES:>6.0f} us"
               f" {1e6 * statistics.median(p[1] for p in pairs) / SEARCHES:>6.0f} us   ratio {ratio:.2f}")


def compare_operations(stack, identity, rows, rounds):
    """The operation that searches next to the one that reads by id: the same caller and client, one run. @return lines"""
    numbers = list(range(10, rows + 1, 10))  # of the first of ten regions, which the caller sees
    random.Random(1).shuffle(numbers)
    numbers = numbers[:SEARCHES]
    asked = {"name": lambda n: urllib.parse.quote(f"山西规模测试信息技术有限公司{n:07d}"), "social_security_no": lambda n: f"15{n:011d}",
             "organisation_code": code_of}

    def load(name, address):
        return Load(stack, name, "staff", [get(stack.ports["staff"], f"/api/v1{address(n)}") for n in numbers], identity=identity, seconds=1)

    by_id = load("by-id", lambda n: f"/subscribers/{uuid_of(n)}")
    yield "listSubscribers / getSubscriber by id, requests per second over mTLS, median of rounds; above 1 the search is the faster one"
    for kind, value in asked.items():
        search = load(kind, lambda n: f"/subscribers?{kind}={value(n)}")
        yield from list(Comparison(f"    by {kind}", "by id", 1.0).run(search, by_id, rounds).lines())


# --- pages, start, memory ----------------------------------------------------------------------------------------------


def milliseconds(client, address):
    begin = time.monotonic()
    client.get(address)
    return 1000 * (time.monotonic() - begin)


def compare_pages(stack, rows):
    last = min(PAGE, rows // 50)
    with stack.staff("manager") as client:
        first = address = "/applications?limit=50"
        for _ in range(last - 1):
            address = f"{first}&cursor={urllib.parse.quote(client.get(address).json()['next_cursor'])}"
        times = {first: [], address: []}
        for _ in range(PAGES):
            for one in times:
                times[one].append(milliseconds(client, one))
    for name, taken in zip(("page 1", f"page {last}"), times.values()):
        yield f"{name} of the list of applications: median {statistics.median(taken):.1f} ms, p99 {statistics.quantiles(taken, n=100)[98]:.1f} ms (aim < 50 ms)"
    yield f"    median of the last / of the first: {statistics.median(times[address]) / statistics.median(times[first]):.2f}"


def measure_start(stack):
    taken = []
    for _ in range(5):
        stack.httpd.stop()
        begin = time.monotonic()
        stack.httpd.start()
        taken.append(time.monotonic() - begin)
    yield f"httpd from its start to the first good answer: median {statistics.median(taken):.2f} s (aim < 0.5 s)"


def resident(stack):
    """KiB of each child."""
    found = {}
    for pid in stack.httpd.children():
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            found[pid] = next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
    return found


def measure_memory(stack, requests, rows):
    names = [urllib.parse.quote(f"山西规模测试信息技术有限公司{number:07d}") for number in range(1, rows, max(1, rows // 40))]
    list_of = [get(stack.ports["public"], f"/api/v1/certificate-status?subject={name}") for name in names]
    load = Load(stack, "memory", "public", list_of, seconds=2)
    load.round()
    marks, done, reopened = [(0, resident(stack))], 0, 0
    while done < requests:
        result = load.round()
        done += result["requests"]
        reopened += result["reopened"]
        if done >= len(marks) * requests / MEMORY_MARKS:
            marks.append((done, resident(stack)))
    if any(set(found) != set(marks[0][1]) for _, found in marks):
        raise process.Failed("a child has ended meanwhile")
    yield f"resident memory of each child over status queries ({reopened} connections closed by the server before an answer and opened again):"
    for count, found in marks:
        yield f"    after {count:>8}: " + ", ".join(f"{found[pid] / 1024:.1f}" for pid in sorted(found)) + " MiB"


def told(parts):
    """What the parts say, said at once too."""
    lines = []
    for part in parts:
        for line in part:
            say(line)
            lines.append(line)
    return lines


def search(stack, options):
    """Lines of the report: the searches alone, which need the subscribers alone."""
    return told([compare_statements(stack, searcher(stack), options.rows, 9)])


def run(stack, options):
    """Lines of the report."""
    identity = searcher(stack)
    return told((compare_statements(stack, identity, options.rows, 5), compare_operations(stack, identity, options.rows, 7),
                 compare_pages(stack, options.rows), measure_start(stack), measure_memory(stack, options.requests, options.rows)))
