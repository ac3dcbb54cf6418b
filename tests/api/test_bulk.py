"""Bulk operations (design §4): each row is the single call, in a transaction of its own, done once, whatever dies meanwhile."""
import threading
import time
import uuid

import pytest
from held import Held
from kills import kill_children, kill_database, kill_httpd
from support import REJECTION, refused, submission

SECONDS = 120
KINDS = {"/bulk/applications": "createApplication", "/bulk/agency-decisions": "decideForAgency", "/bulk/reviews": "reviewApplication"}
APPROVAL = {"decision": "approve", "filing_number": "并社经备2026-0147"}


def forms(ra, count, **changes):
    return [{"body": submission("organisation", ra.ids["agency"], **changes)} for _ in range(count)]


def decision(case, version=None, **body):
    return {"application_id": case.id, "version": version or case.application["version"], "body": body or APPROVAL}


def review(case, **body):
    return decision(case, **(body or {"decision": "approve", "snapshot_sha256": case.application["snapshot_sha256"]}))


def post(client, path, rows, expect=(201, 202), **options):
    return client.post(path, {"rows": rows}, expect=expect, **options)


def follow(client, answer, seconds=SECONDS):
    """The bulk operation when every row is done."""
    bulk, end = answer.json(), time.monotonic() + seconds
    while bulk["status"] != "finished":
        assert time.monotonic() < end, bulk
        time.sleep(0.1)
        bulk = client.get(f"/bulk-operations/{bulk['id']}").json()
    assert bulk["done"] == bulk["total"] == bulk["succeeded"] + bulk["refused"] and "finished_at" in bulk
    assert [result["index"] for result in bulk["results"]] == list(range(bulk["total"]))
    return bulk


def codes(bulk):
    return [result.get("problem", {}).get("code", result["status"]) for result in bulk["results"]]


def applications_of(ra, rows):
    """How many applications there are with the social-security numbers of the rows."""
    numbers = ",".join(f"'{row['body']['subscriber']['social_security_no']}'" for row in rows)
    return int(ra.sql(f"SELECT COUNT(*) FROM applications WHERE social_security_no IN ({numbers})")[0][0])


# What a row is.

def test_small_bulk_is_answered_when_it_is_done(ra):
    rows = forms(ra, 3)
    answer = post(ra.system(), "/bulk/applications", rows, expect=201)
    bulk = follow(ra.system(), answer)
    assert answer.headers["Location"] == f"/api/v1/bulk-operations/{bulk['id']}"
    assert (bulk["kind"], bulk["succeeded"], bulk["created_by"]["id"]) == ("applications", 3, ra.ids["system"])
    for row, result in zip(rows, bulk["results"]):
        application = ra.system().get(f"/applications/{result['id']}")
        assert application.headers["ETag"] == result["etag"]
        body = application.json()
        assert (body["number"], body["state"], body["version"]) == (result["number"], result["state"], result["version"])
        assert body["subject_name"] == row["body"]["subject_name"]


def test_respond_async_answers_at_once(ra):
    answer = post(ra.system(), "/bulk/applications", forms(ra, 2), expect=202, headers={"Prefer": "respond-async"})
    assert answer.json()["status"] == "running" and int(answer.headers["Retry-After"]) > 0
    assert follow(ra.system(), answer)["succeeded"] == 2


def test_wrong_rows_do_not_hold_up_good_ones(ra):
    rows = forms(ra, 8)
    rows[1]["body"]["kind"] = "human"
    rows[2]["body"]["subscriber"]["organisation_code"]["value"] = "91140100MA0GWXY12X"
    rows[3]["body"]["subscriber"]["agency_id"] = str(uuid.uuid4())
    rows[4]["body"]["unheard_of"] = 1
    rows[5]["body"] = {}
    rows[6]["body"] = rows[0]["body"]
    bulk = follow(ra.system(), post(ra.system(), "/bulk/applications", rows))
    assert codes(bulk) == [201, "body-invalid", "body-invalid", "agency-unknown", "body-invalid", "body-invalid", "duplicate-application", 201]
    pointers = [[error["pointer"] for error in result["problem"].get("errors", ())] for result in bulk["results"] if "problem" in result]
    assert pointers[0] == ["/kind"] and "/subscriber/organisation_code/value" in pointers[1] and "/subscriber/agency_id" in pointers[2]
    assert all(result["status"] == result["problem"]["status"] for result in bulk["results"] if "problem" in result)
    assert applications_of(ra, rows[:5] + rows[7:]) == 2


@pytest.mark.parametrize("language, title", [("zh-CN", "填写的内容不符合要求"), ("en", "The content does not meet the requirements")])
def test_problems_speak_the_language_of_the_caller(ra, language, title):
    rows = forms(ra, 1, usage="anything")
    with ra.open("api", "system", language=language) as client:
        bulk = follow(client, post(client, "/bulk/applications", rows))
    assert bulk["results"][0]["problem"]["title"] == title


def test_row_answers_what_the_single_call_answers(ra):
    """The same wrong bodies one by one and in bulk: same status, code, places and texts."""
    wrong = [{**row["body"], **change} for row, change in zip(forms(ra, 4), (
        {"kind": "human"}, {"validity_years": 99}, {"subject_name": "山西\u202e公司"}, {"business": "nothing"}))]
    with ra.open("api", "system", language="en") as client:
        single = [client.post("/applications", body, expect=(201, 400, 409, 422)).json() for body in wrong]
        bulk = follow(client, post(client, "/bulk/applications", [{"body": body} for body in wrong]))
    for problem in single + [result["problem"] for result in bulk["results"]]:
        del problem["trace_id"]
    assert [result["problem"] for result in bulk["results"]] == single


def test_agency_decides_in_bulk(ra):
    cases = [ra.case("awaiting_agency") for _ in range(4)]
    other = ra.case("awaiting_acceptance")
    rows = [decision(cases[0]), decision(cases[1], **REJECTION), decision(cases[2], version=9), decision(cases[3]), decision(cases[3]),
            decision(other)]
    bulk = follow(ra.staff("agency"), post(ra.staff("agency"), "/bulk/agency-decisions", rows))
    assert codes(bulk) == [200, 200, "version-stale", 200, "version-stale", "state-conflict"]
    assert [result["id"] for result in bulk["results"]] == [row["application_id"] for row in rows]
    assert [case.read()["state"] for case in cases] == ["awaiting_acceptance", "rejected", "awaiting_agency", "awaiting_acceptance"]
    assert bulk["results"][0]["etag"] == cases[0].tag


def test_four_eyes_hold_for_each_row(ra):
    """Who entered one of them may review the others, never that one."""
    both = ra.person("entry_officer", "review_officer")
    cases = [ra.case("awaiting_entry") for _ in range(3)]
    for place, case in enumerate(cases):
        case.enter(both if place == 1 else "entry_officer")
    bulk = follow(ra.staff(both), post(ra.staff(both), "/bulk/reviews", [review(case) for case in cases]))
    assert codes(bulk) == [200, "separation-of-duty", 200]
    assert [case.read()["state"] for case in cases] == ["awaiting_production", "awaiting_review", "awaiting_production"]
    refusals = ra.sql("SELECT COUNT(*) FROM audit_events WHERE event = 'reviewApplication' AND outcome = 'refused'"
                      f" AND problem = 'separation-of-duty' AND object_id = UNHEX(REPLACE('{cases[1].id}', '-', ''))")
    assert refusals == [["1"]]


def test_reviewer_approves_what_was_seen(ra):
    case = ra.case("awaiting_review")
    wrong = review(case, decision="approve", snapshot_sha256="0" * 64)
    bulk = follow(ra.staff("review_officer"), post(ra.staff("review_officer"), "/bulk/reviews", [wrong, review(case)]))
    assert codes(bulk) == ["snapshot-mismatch", 200]


def test_out_of_sight_reads_as_not_found_in_a_row(ra):
    elsewhere = ra.person("review_officer", office_id=ra.office("140200"), province_wide=False)
    case = ra.case("awaiting_review")
    bulk = follow(ra.staff(elsewhere), post(ra.staff(elsewhere), "/bulk/reviews", [review(case)]))
    assert codes(bulk) == ["not-found"]


def test_rows_leave_the_history_and_audit_of_single_calls(ra):
    case = ra.case("awaiting_review")
    bulk = follow(ra.staff("review_officer"), post(ra.staff("review_officer"), "/bulk/reviews", [review(case)]))
    last = case.history()[-1]
    assert (last["step"], last["actor"]["id"]) == ("review", ra.ids["people"]["review_officer"])
    events = ra.sql("SELECT event, outcome, host, trace_id = (SELECT trace_id FROM bulk_operations WHERE id = "
                    f"UNHEX(REPLACE('{bulk['id']}', '-', ''))) FROM audit_events WHERE object_id IN (UNHEX(REPLACE('{bulk['id']}', '-', '')),"
                    f" UNHEX(REPLACE('{case.id}', '-', ''))) ORDER BY id DESC LIMIT 2")
    assert events == [["reviewApplication", "done", "staff", "1"], ["reviewApplicationsInBulk", "done", "staff", "1"]]


# Who may.

@pytest.mark.parametrize("path, role", [("/bulk/applications", "review_officer"), ("/bulk/agency-decisions", "acceptor"),
                                        ("/bulk/reviews", "entry_officer")])
def test_bulk_needs_the_role_of_the_single_call(ra, path, role):
    access = {operation["operationId"]: operation["x-ra-access"] for item in ra.document.document["paths"].values()
              for operation in item.values()}
    taken_by = ra.document.document["paths"][path]["post"]["operationId"]
    allowed = access[KINDS[path]]  # never more than the operation itself gives
    assert all(set(given) <= set(allowed[kind]) for kind, given in access[taken_by].items())
    example = ra.document.resolve(ra.document.document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"])
    refused(ra.staff(role).post(path, example["examples"][0], expect=403), 403, "access-denied")


def test_only_the_creator_and_the_auditor_read_it(ra):
    bulk = follow(ra.system(), post(ra.system(), "/bulk/applications", forms(ra, 1)))
    path = f"/bulk-operations/{bulk['id']}"
    assert ra.staff("auditor").get(path).json() == bulk
    refused(ra.staff("acceptor").get(path, expect=404), 404, "not-found")
    stranger = ra.business_system("applications.submit")
    refused(ra.system(stranger).get(path, expect=404), 404, "not-found")
    assert ra.system(stranger).get("/bulk-operations").json()["items"] == []
    mine = ra.system().get("/bulk-operations").json()["items"]
    assert bulk["id"] in [one["id"] for one in mine] and not any("results" in one for one in mine)
    assert bulk["id"] in [one["id"] for one in ra.staff("auditor").get("/bulk-operations", params={"limit": 200}).json()["items"]]
    refused(ra.staff("archivist").get(path, expect=403), 403, "access-denied")


def test_auditor_of_a_region_does_not_read_those_of_others(ra):
    """A bulk operation has no region, so a grant for one is not for it: as with the audit log."""
    bulk = follow(ra.system(), post(ra.system(), "/bulk/applications", forms(ra, 1)))
    local = ra.staff(ra.person("auditor", office_id=ra.office("140200"), province_wide=False))
    refused(local.get(f"/bulk-operations/{bulk['id']}", expect=404), 404, "not-found")
    assert local.get("/bulk-operations").json()["items"] == []


# What is no bulk operation.

@pytest.mark.parametrize("rows, pointer", [([], "/rows"), ([{}], "/rows/0/body"), ([{"body": 1}], "/rows/0/body"),
                                           ([{"body": {}, "x": 1}], "/rows/0/x"), ("all", "/rows")])
def test_malformed_request_is_refused_whole(ra, rows, pointer):
    body = refused(ra.system().post("/bulk/applications", {"rows": rows}, expect=422), 422, "body-invalid")
    assert pointer in [error["pointer"] for error in body["errors"]]


def test_row_501_is_too_much(ra):
    refused(ra.system().post("/bulk/applications", {"rows": [{"body": {}}] * 501}, expect=422), 422, "body-invalid", ("/rows", "too-many-items"))


# Once.

def test_same_request_again_is_the_same_operation(ra):
    rows, once = forms(ra, 2), str(uuid.uuid4())
    first = post(ra.system(), "/bulk/applications", rows, key=once)
    again = post(ra.system(), "/bulk/applications", rows, key=once)
    assert again.headers["Idempotency-Replayed"] == "true" and again.headers["Location"] == first.headers["Location"]
    assert follow(ra.system(), again)["succeeded"] == 2 and applications_of(ra, rows) == 2


def test_500_applications_with_everything_fit_and_are_done(ra):
    rows = forms(ra, 500, note="备注" * 20)
    for row in rows:
        row["body"]["subscriber"]["project"] = "网上申报"
    answer = post(ra.system(), "/bulk/applications", rows)
    assert len(answer.request.content) < 512 * 1024
    bulk = follow(ra.system(), answer)
    assert (bulk["succeeded"], len({result["id"] for result in bulk["results"]}), applications_of(ra, rows)) == (500, 500, 500)


def test_rows_are_sealed_while_they_wait_and_forgotten_when_done(ra):
    """A row that waits for its turn is personal data: it is not readable in the database, and gone afterwards."""
    rows = forms(ra, 200)
    answer = post(ra.system(), "/bulk/applications", rows, headers={"Prefer": "respond-async"})
    where = f"FROM bulk_operations WHERE id = UNHEX(REPLACE('{answer.json()['id']}', '-', ''))"
    kept = ra.sql(f"SELECT LENGTH(rows_sealed) > 50000, LOCATE('subscriber', rows_sealed) {where}")
    follow(ra.system(), answer)
    assert kept in ([["1", "0"]], [["NULL", "NULL"]])
    assert ra.sql(f"SELECT rows_sealed IS NULL, certificate IS NULL {where}") == [["1", "1"]]


def test_old_bulk_operations_are_forgotten(ra):
    bulk = follow(ra.system(), post(ra.system(), "/bulk/applications", forms(ra, 1)))
    own = f"UNHEX(REPLACE('{bulk['id']}', '-', ''))"
    ra.sql(f"UPDATE bulk_operations SET finished_at = finished_at - INTERVAL 91 DAY WHERE id = {own}")
    end = time.monotonic() + SECONDS
    while ra.sql(f"SELECT (SELECT COUNT(*) FROM bulk_operations WHERE id = {own}) + (SELECT COUNT(*) FROM bulk_results WHERE bulk_id = {own})") != [["0"]]:
        assert time.monotonic() < end
        time.sleep(0.5)


def test_many_bulk_operations_at_once(ra):
    """More than the threads that do them, and two that hold the same applications: each application is there once."""
    shared = forms(ra, 20)
    lots = [shared, list(reversed(shared))] + [forms(ra, 20) for _ in range(10)]
    answers = [post(ra.system(), "/bulk/applications", rows, headers={"Prefer": "respond-async"}) for rows in lots]
    bulks = [follow(ra.system(), answer) for answer in answers]
    assert [bulk["succeeded"] for bulk in bulks[2:]] == [20] * 10
    assert bulks[0]["succeeded"] + bulks[1]["succeeded"] == 20 == applications_of(ra, shared)
    assert {code for bulk in bulks[:2] for code in codes(bulk)} <= {201, "duplicate-application"}


# Half way.

HALF = 20


def done_of(ra, answer):
    return int(ra.sql(f"SELECT COUNT(*) FROM bulk_results WHERE bulk_id = UNHEX(REPLACE('{answer.json()['id']}', '-', ''))")[0][0])


def standing_at(ra, row):
    """Whoever does the row stands still in the middle of it."""
    number, agency = row["body"]["subscriber"]["social_security_no"], ra.ids["agency"].replace("-", "")
    return Held(ra.stack.database, "INSERT INTO subscribers (id, kind, social_security_no, name, name_key, region, agency_id, created_at, updated_at) VALUES"
                f" (UNHEX(MD5('{number}')), 'organisation', '{number}', 'x', 'x', '140100', UNHEX('{agency}'), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))")


def wait_until_done(ra, answer, count):
    end = time.monotonic() + SECONDS
    while done_of(ra, answer) < count:
        assert time.monotonic() < end
        time.sleep(0.02)


def half_way(ra, client, count=400):
    """A bulk operation of which some rows are done and some are not."""
    rows = forms(ra, count)
    answer = post(client, "/bulk/applications", rows, expect=202, headers={"Prefer": "respond-async"})
    wait_until_done(ra, answer, 5)
    return rows, answer


def test_rest_is_refused_when_the_creator_is_disabled_half_way(ra):
    system = ra.business_system("applications.submit")
    rows, path = forms(ra, 40), f"/systems/{system.id}"
    with standing_at(ra, rows[HALF]) as held:
        answer = post(ra.system(system), "/bulk/applications", rows, expect=202, headers={"Prefer": "respond-async"})
        wait_until_done(ra, answer, HALF)
        held.wait_for_somebody()
        tag = ra.administrator.get(path).headers["ETag"]
        ra.administrator.post(path + "/disablement", {"reason": "停用"}, tag=tag)
    bulk = follow(ra.staff("auditor"), answer)
    found = codes(bulk)
    first = found.index("principal-disabled")  # the row that stood still had been let in; tried again it is not
    assert first in (HALF, HALF + 1) and found == [201] * first + ["principal-disabled"] * (len(rows) - first)
    assert applications_of(ra, rows) == first


def exactly_once(ra, rows, bulk):
    """Each row has its own application, and the database has no other, no second history, no second audit event."""
    assert codes(bulk) == [201] * len(rows)
    ids = {result["id"] for result in bulk["results"]}
    assert len(ids) == len(rows) == applications_of(ra, rows)
    named = ",".join(f"UNHEX(REPLACE('{one}', '-', ''))" for one in ids)
    assert ra.sql(f"SELECT COUNT(*), COUNT(DISTINCT application_id) FROM application_history WHERE application_id IN ({named})") == [
        [str(len(rows)), str(len(rows))]]
    assert ra.sql(f"SELECT COUNT(*) FROM audit_events WHERE event = 'createApplication' AND outcome = 'done' AND object_id IN ({named})") == [
        [str(len(rows))]]
    for row, result in zip(rows, bulk["results"]):
        assert ra.sql("SELECT subject_name FROM applications WHERE id = "
                      f"UNHEX(REPLACE('{result['id']}', '-', ''))") == [[row["body"]["subject_name"]]]


@pytest.fixture(scope="module")
def fragile(make_ra):
    return make_ra("bulk")


@pytest.mark.log("RA0", "AH10392")
@pytest.mark.parametrize("kill", [kill_children, kill_httpd, kill_database])
def test_killed_half_way_it_goes_on_where_it_was(fragile, kill):
    """In the middle of a row, when exactly those before it are done."""
    rows = forms(fragile, 60)
    with standing_at(fragile, rows[HALF]) as held:
        with fragile.open("api", "system") as client:
            answer = post(client, "/bulk/applications", rows, expect=202, headers={"Prefer": "respond-async"})
            wait_until_done(fragile, answer, HALF)
            held.wait_for_somebody()
        kill(fragile.stack)
    with fragile.open("api", "system") as client:
        bulk = follow(client, answer)
    exactly_once(fragile, rows, bulk)


@pytest.mark.log("RA0", "AH10392")
def test_killed_again_and_again_it_ends(fragile):
    """Children die every few hundred milliseconds, and their leases with them."""
    with fragile.open("api", "system") as client:
        rows, answer = half_way(fragile, client, 150)
        stop = threading.Event()

        def trouble():
            while not stop.wait(0.4):
                kill_children(fragile.stack)
                fragile.sql("UPDATE outbox_jobs SET lease_until = UTC_TIMESTAMP(6) WHERE state = 'open' AND lease_until IS NOT NULL")

        thread = threading.Thread(target=trouble)
        thread.start()
        time.sleep(6)
        stop.set()
        thread.join()
    with fragile.open("api", "system") as client:
        exactly_once(fragile, rows, follow(client, answer))


def test_two_runners_of_one_bulk_do_each_row_once(fragile):
    """The lease is taken away from a runner that lives: both run the same rows, each row has one effect."""
    with fragile.open("api", "system") as client:
        rows, answer = half_way(fragile, client, 250)
        for _ in range(40):
            fragile.sql("UPDATE outbox_jobs SET lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND, next_run = UTC_TIMESTAMP(6)"
                        " WHERE state = 'open' AND kind = 'bulk'")
            time.sleep(0.05)
        exactly_once(fragile, rows, follow(client, answer))


