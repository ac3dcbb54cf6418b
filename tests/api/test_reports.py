"""Reports: what runs out, what is held, how much there was; for the manager and the auditor, in their region."""
import datetime

import pytest

from acts import Act
from support import refused, uuid_sql

ZONE = datetime.timezone(datetime.timedelta(hours=8))
PATHS = ("/reports/expiring", "/reports/suspended", "/reports/counts?by=state")


def report(ra, name, who="manager", **params):
    return ra.staff(who).get(f"/reports/{name}", params=params).json()["items"]


def here(ra, region):
    """A manager who sees one region only."""
    return ra.person("manager", office_id=ra.office(region), province_wide=False)


def end_in(ra, case, days):
    """Moves the end of a certificate: no CA makes one for a week."""
    ra.sql(f"UPDATE certificates SET not_after = UTC_TIMESTAMP(6) + INTERVAL {days * 24 - 1} HOUR"
           f" WHERE id = {uuid_sql(case.certificate['id'])}")


def test_certificates_that_end_soon_are_listed_soonest_first(ra):
    manager = here(ra, "140300")
    cases = [ra.case("awaiting_handover", subscriber={"region": "140300"}) for _ in range(4)]
    for case, days in zip(cases, (50, 5, 20, 90)):
        end_in(ra, case, days)
    far, soon, middle, _ = (case.certificate["id"] for case in cases)
    for days, wanted in ((60, [soon, middle, far]), (30, [soon, middle]), (7, [soon])):
        assert [item["id"] for item in report(ra, "expiring", manager, days=days)] == wanted
    assert all(days - left in (0, 1) for days, left in zip((5, 20, 50), (item["days_left"] for item in report(ra, "expiring", manager))))
    first = ra.staff(manager).get("/reports/expiring?limit=2").json()
    second = ra.staff(manager).get("/reports/expiring", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["id"] for item in (*first["items"], *second["items"])] == [soon, middle, far]


def test_days_left_are_counted_where_they_are_read(ra):
    """What ends at four in the morning in Shanxi ends on the evening before by UTC: its day is the one that the page shows beside the number."""
    manager = here(ra, "140700")
    for case, hour in zip([ra.case("awaiting_handover", subscriber={"region": "140700"}) for _ in range(2)], (10, 20)):
        ra.sql(f"UPDATE certificates SET not_after = DATE(UTC_TIMESTAMP()) + INTERVAL 10 DAY + INTERVAL {hour} HOUR"
               f" WHERE id = {uuid_sql(case.certificate['id'])}")
    before = datetime.datetime.now(ZONE).date()
    items = report(ra, "expiring", manager)
    after = datetime.datetime.now(ZONE).date()
    ends = [datetime.datetime.fromisoformat(item["not_after"]).astimezone(ZONE).date() for item in items]
    wanted = [[(end - day).days for end in ends] for day in (before, after)]  # midnight may pass meanwhile
    assert len(items) == 2 and [item["days_left"] for item in items] in wanted


def test_equal_ends_are_not_lost_between_pages(ra):
    manager = here(ra, "140400")
    cases = [ra.case("awaiting_handover", subscriber={"region": "140400"}) for _ in range(3)]
    ra.sql("UPDATE certificates SET not_after = DATE(UTC_TIMESTAMP()) + INTERVAL 10 DAY WHERE region = '140400'")
    seen, params = [], {"limit": 1}
    while True:
        page = ra.staff(manager).get("/reports/expiring", params=params).json()
        seen += [item["id"] for item in page["items"]]
        if "next_cursor" not in page:
            break
        params["cursor"] = page["next_cursor"]
    assert seen == [case.certificate["id"] for case in cases]


def test_what_is_replaced_held_or_revoked_does_not_expire(ra):
    manager = here(ra, "140500")
    olds = [ra.case("completed", subscriber={"region": "140500"}) for _ in range(4)]
    for old in olds:
        end_in(ra, old, 6)
    kept, held, revoked, renewed = olds
    Act(ra, "suspend", held).run()
    Act(ra, "revoke", revoked).run()
    Act(ra, "renew", renewed).run()
    assert [item["id"] for item in report(ra, "expiring", manager, days=7)] == [kept.certificate["id"]]


def test_certificates_on_hold_tell_when_they_are_released(ra):
    manager = here(ra, "140600")
    cases = [ra.case("completed", subscriber={"region": "140600"}) for _ in range(2)]
    for case in cases:
        Act(ra, "suspend", case).run()
    shown = report(ra, "suspended", manager)
    assert [item["id"] for item in shown] == [case.certificate["id"] for case in cases]
    begin, due = (datetime.datetime.fromisoformat(shown[0][name].replace("Z", "+00:00")) for name in ("suspended_at", "suspended_until"))
    assert 181 <= (due - begin).days <= 184
    assert report(ra, "suspended", manager, days=30) == []
    ra.sql(f"UPDATE certificates SET suspended_at = UTC_TIMESTAMP(6) + INTERVAL 20 DAY - INTERVAL 6 MONTH"
           f" WHERE id = {uuid_sql(cases[1].certificate['id'])}")
    near, = report(ra, "suspended", manager, days=30)
    assert near["id"] == cases[1].certificate["id"] and 17 <= near["days_left"] <= 22
    assert [item["id"] for item in report(ra, "suspended", manager)] == [cases[1].certificate["id"], cases[0].certificate["id"]]
    Act(ra, "resume", cases[0]).run()
    assert [item["id"] for item in report(ra, "suspended", manager)] == [cases[1].certificate["id"]]


def test_applications_are_counted_by_each_property(ra):
    manager = here(ra, "141000")
    ra.case("completed", subscriber={"region": "141002"})
    ra.case("awaiting_acceptance", subscriber={"region": "141002"})
    ra.case("awaiting_acceptance", kind="person", subscriber={"region": "141021"})
    counts = {by: {item["key"]: (item["count"], item["open"]) for item in report(ra, "counts", manager, by=by)}
              for by in ("business", "state", "step", "region", "kind", "week")}
    assert counts["business"] == {"issue": (3, 2)}
    assert counts["state"] == {"completed": (1, 0), "awaiting_acceptance": (2, 2)}
    assert counts["step"] == {"completed": (1, 0), "acceptance": (2, 2)}
    assert counts["region"] == {"141002": (2, 1), "141021": (1, 1)}
    assert counts["kind"] == {"organisation": (2, 1), "person": (1, 1)}
    year, week, _ = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=8)).isocalendar()
    assert counts["week"] == {f"{year}-W{week:02}": (3, 2)}


def test_counts_are_of_the_days_asked_for(ra):
    manager = here(ra, "141100")
    case = ra.case(subscriber={"region": "141102"})
    case.submit()
    ra.sql("UPDATE applications SET created_at = '2026-03-01 16:30:00', version = version + 1 WHERE region = '141102'")  # 2 March, half past midnight there
    for days, count in ((("2026-03-02", "2026-03-02"), 1), (("2026-03-01", "2026-03-01"), 0), (("2026-03-03", "2026-03-04"), 0),
                        (("2026-02-01", "2026-03-02"), 1)):
        items = report(ra, "counts", manager, by="week", **dict(zip(("from", "to"), days)))
        assert sum(item["count"] for item in items) == count, days
        assert not count or items[0]["key"] == "2026-W10"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("role", ["acceptor", "review_officer", "archivist", "administrator", "agency"])
def test_reports_are_for_the_manager_and_the_auditor(ra, role, path):
    refused(ra.staff(role).get(path, expect=403), 403, "access-denied")
    assert ra.staff("auditor").get(path).status_code == 200


def test_wrong_parameters_are_named(ra):
    manager = ra.staff("manager")
    refused(manager.get("/reports/expiring?days=31", expect=400), 400, "request-invalid")
    refused(manager.get("/reports/counts", expect=400), 400, "request-invalid", ("query:by", "required"))
    refused(manager.get("/reports/counts?by=colour", expect=400), 400, "request-invalid")
    refused(manager.get("/reports/counts?by=week&from=2026-02-30", expect=400), 400, "request-invalid")


# At many rows.

ROWS = 20000
DAY = 24 * 60
COPIED = ("kind", "cert_usage", "region", "agency_id", "submitted_by", "social_security_no", "issuer", "subject", "subject_name", "subject_key",
          "key_algorithm", "der", "spki_sha256", "application_id", "subscriber_id")


@pytest.fixture(scope="module")
def many(make_ra):
    """An instance with ROWS certificates more, that end one after another; every tenth is on hold."""
    ra = make_ra("reports", EXTRA_GLOBAL="RAUpstreamRunner off")
    case = ra.case("awaiting_production")
    case.draw()
    ra.sql(f"""INSERT INTO certificates (id, attempt_id, serial, not_before, not_after, sha256, suspended_at, created_at, {", ".join(COPIED)})
        SELECT UNHEX(CONCAT('019AB2C47D107C3E9A51', LPAD(HEX(seq), 12, '0'))), UNHEX(CONCAT('019AB2C47D107C3E9A52', LPAD(HEX(seq), 12, '0'))), HEX(seq), UTC_TIMESTAMP(),
        UTC_TIMESTAMP() + INTERVAL seq HOUR, UNHEX(SHA2(seq, 256)), IF(seq MOD 10 = 0, UTC_TIMESTAMP() - INTERVAL seq SECOND, NULL), UTC_TIMESTAMP(),
        a.kind, a.cert_usage, a.region, a.agency_id, a.submitted_by, a.social_security_no, 'CN=CA', 'CN=x', a.subject_name, a.subject_key,
        'rsa', 'x', UNHEX(SHA2(seq, 256)), a.id, a.subscriber_id
        FROM seq_1_to_{ROWS} JOIN applications a WHERE a.id = UNHEX('{case.id.replace("-", "")}')""")
    ra.sql("ANALYZE TABLE certificates, applications")
    return ra


def rows_read(ra, call):
    """How many rows the database reads for a call: from indexes and from whole tables."""
    def count():
        return sum(int(row[1]) for row in ra.sql("SHOW GLOBAL STATUS WHERE Variable_name IN"
                                                 " ('Handler_read_rnd_next', 'Handler_read_next', 'Handler_read_prev')"))
    before = count()
    call()
    return count() - before


@pytest.mark.parametrize("path", ["/reports/expiring?days=60&limit=20", "/reports/suspended?limit=20", "/certificates?limit=20",
                                  "/notices?state=open&limit=20"])
def test_a_page_reads_few_rows_however_many_there_are(many, path):
    manager = many.staff("manager")
    manager.get(path)  # statements are prepared
    assert rows_read(many, lambda: manager.get(path)) < ROWS / 10


def test_the_calendar_of_many_is_the_sum_of_its_days_without_what_is_on_hold(many):
    calendar = many.staff("manager").get("/reports/expiry-calendar").json()
    assert [total["count"] for total in calendar["totals"]] == [days * 24 - days * 24 // 10 for days in (7, 30, 60)]
    assert sum(day["count"] for day in calendar["days"]) == calendar["totals"][-1]["count"]


def test_the_next_page_reads_few_rows_too(many):
    manager = many.staff("manager")
    first = manager.get("/reports/expiring?limit=200").json()
    params = {"limit": 200, "cursor": first["next_cursor"]}
    manager.get("/reports/expiring", params=params)
    assert rows_read(many, lambda: manager.get("/reports/expiring", params=params)) < ROWS / 10


def test_calendar_counts_what_the_list_of_expiring_certificates_has(ra):
    manager = here(ra, "140621")
    cases = [ra.case("awaiting_handover", subscriber={"region": "140621"}) for _ in range(6)]
    minutes = (-1, 7 * DAY - 1, 7 * DAY + 60, 30 * DAY - 1, 60 * DAY - 1, 60 * DAY + 60)  # about the borders, of which only the day is in the index
    for case, end in zip(cases, minutes):
        ra.sql(f"UPDATE certificates SET not_after = UTC_TIMESTAMP(6) + INTERVAL {end} MINUTE WHERE application_id = UNHEX(REPLACE('{case.id}', '-', ''))")
    calendar = ra.staff(manager).get("/reports/expiry-calendar").json()
    assert calendar["totals"] == [{"within_days": 7, "count": 1}, {"within_days": 30, "count": 3}, {"within_days": 60, "count": 4}]
    ends = [datetime.datetime.fromisoformat(item["not_after"].replace("Z", "+00:00")) + datetime.timedelta(hours=8)
            for item in report(ra, "expiring", manager)]
    wanted = {}
    for end in ends:
        year, week, _ = end.isocalendar()
        key = (end.date().isoformat(), f"{year}-W{week:02}")
        wanted[key] = wanted.get(key, 0) + 1
    assert {(day["date"], day["week"]): day["count"] for day in calendar["days"]} == wanted
