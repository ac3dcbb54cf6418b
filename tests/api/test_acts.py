"""Every certificate act (domain.md §4-§8): from submission to completion, the effect at the CA, the fate of the old certificate."""
import datetime
import time

import pytest

from acts import MAKING, OPERATION, PARTICULARS, REGISTRATION, Act, certificate, ledger, wait_for_status
from harness import samples
from harness.twin import Twin
from support import COMPLETION, acceptance, refused, uuid_sql


OVERLAP_DAYS = 30


@pytest.fixture
def old(ra):
    return ra.case("completed")


@pytest.fixture(scope="module")
def soon(make_ra):
    """An instance that lets a certificate be renewed at any time before its end, and be used beside the new one for a set time."""
    return make_ra("acts", EXTRA_GLOBAL=f"RARenewalWindow 3650\nRARenewalOverlap {OVERLAP_DAYS}")


def lists_of(ra, case):
    """The statuses whose list of certificates has that of the case, however far back."""
    found, auditor = [], ra.staff("auditor")
    for status in ("valid", "expired", "suspended", "revoked"):
        query = {"status": status, "limit": 200}
        while query:
            page = auditor.get("/certificates", params=query).json()
            found += [status for item in page["items"] if item["id"] == case.certificate["id"]]
            query = "next_cursor" in page and {**query, "cursor": page["next_cursor"]}
    return found


# RFC 5280 §5.3.1: a lost key is compromised, anything else is superseded.
REPLACING = [("modify", "valid", 4), ("reissue_lost", "valid", 1), ("reissue_lost", "suspended", 1), ("reissue_damaged", "valid", 4),
             ("reissue_damaged", "suspended", 4), ("replace_token", "valid", 4), ("replace_token", "suspended", 4)]


def reasons(ra, case):
    """What the CA was asked about the certificate, in order."""
    return [line["reason"] for line in ledger(ra, "revocation", case.certificate["serial"])]


@pytest.mark.parametrize("business, before, reason", REPLACING)
def test_a_new_certificate_takes_the_place_of_the_old_one_which_is_revoked_then_and_not_before(ra, old, business, before, reason):
    if before == "suspended":
        Act(ra, "suspend", old).run()
    asked, act = reasons(ra, old), Act(ra, business, old)
    for step in (act.submit, act.accept, act.enter, act.review, act.draw):
        step()
        assert (certificate(ra, old)["status"], reasons(ra, old)) == (before, asked), act.state
    act.finish()
    assert act.state == "completed"
    assert certificate(ra, act)["status"] == "valid"
    shown = certificate(ra, old)
    assert (shown["status"], shown["replaced_by"]) == ("revoked", act.certificate["id"])
    assert reasons(ra, old) == [*asked, reason]
    made, = ledger(ra, "certificate", act.certificate["serial"])
    assert ledger(ra, "revocation", old.certificate["serial"])[-1]["at"] > made["at"]


@pytest.mark.parametrize("keeps_key", [True, False])
def test_a_renewal_may_keep_its_key_and_leaves_the_old_certificate_alone(soon, keeps_key):
    old = soon.case("completed")
    act = Act(soon, "renew", old)
    if keeps_key:
        act.key = old.key
    act.run()
    assert act.state == "completed"
    assert (act.certificate["spki_sha256"] == old.certificate["spki_sha256"]) == keeps_key
    assert certificate(soon, old)["status"] == "valid" and certificate(soon, act)["status"] == "valid"
    assert not ledger(soon, "revocation", old.certificate["serial"])


# How long a renewed certificate may be used beside the new one (§4).

def renewed(ra):
    old = ra.case("completed")
    act = Act(ra, "renew", old)
    act.run()
    return old, act


def end_overlap(ra, case, of_certificate=None):
    mine = uuid_sql(case.certificate["id"])
    if of_certificate:
        ra.sql(f"UPDATE certificates SET {of_certificate} WHERE id = {mine}")
    ra.sql(f"UPDATE certificate_overlaps SET ends_at = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE certificate_id = {mine}")


def revocations(ra, case):
    return ra.sql(f"SELECT COUNT(*) FROM ca_attempts WHERE target_certificate_id = {uuid_sql(case.certificate['id'])}")[0][0]


def test_a_renewed_certificate_is_revoked_once_when_its_time_beside_the_new_one_is_over(soon):
    with Twin(soon.stack):
        old, act = renewed(soon)
        shown = certificate(soon, old)
        made, end = (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (certificate(soon, act)["created_at"], shown["overlap_until"]))
        assert datetime.timedelta(0) <= end - made - datetime.timedelta(days=OVERLAP_DAYS) < datetime.timedelta(minutes=5)
        assert (shown["status"], revocations(soon, old)) == ("valid", "0")
        end_overlap(soon, old)
        wait_for_status(soon, old, "revoked")
    shown = certificate(soon, old)
    assert (shown["revocation_reason"], reasons(soon, old), revocations(soon, old)) == ("superseded", [4], "1") and "overlap_until" not in shown
    last = soon.staff("auditor").get(f"/certificates/{old.certificate['id']}/history").json()["items"][-1]
    assert (last["event"], last["application_id"]) == ("revoked", act.id)
    assert certificate(soon, act)["status"] == "valid" and act.read()["state"] == "completed"


def test_the_end_of_a_renewed_certificate_waits_for_what_the_ca_is_being_asked(soon):
    old, _ = renewed(soon)
    act = Act(soon, "suspend", old)
    act.submit()
    act.accept()
    act.enter()
    soon.stack.ca.knobs(mode="late", ms=6000, body="rr", count=1)
    try:
        act.review()
        end_overlap(soon, old)
        wait_for_status(soon, old, "revoked")
    finally:
        soon.stack.ca.reset()
    assert reasons(soon, old) == [6, 4]


def test_of_a_renewed_certificate_that_has_lapsed_nothing_is_left_to_end(soon):
    old, _ = renewed(soon)
    end_overlap(soon, old, "not_after = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND")
    end = time.monotonic() + 60
    while "overlap_until" in certificate(soon, old):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert (certificate(soon, old)["status"], revocations(soon, old), reasons(soon, old)) == ("expired", "0", [])


# Materials by kind of certificate, and the fee.

FEE = ("renew", "reissue_lost", "reissue_damaged", "replace_token")


def asks_for_its_materials_and_fee(act):
    act.submit()
    whole = act.acceptance()
    for missing in whole["materials"]:
        kept = [one for one in whole["materials"] if one is not missing]
        act.refuse("acceptor", "acceptance", {**whole, "materials": kept}, 422, "materials-incomplete", ("/materials", "material-missing"))
    payment = whole.pop("payment")
    if act.business in FEE:
        act.refuse("acceptor", "acceptance", whole, 422, "payment-missing", ("/payment", "required"))
        whole["payment"] = payment
    act.step("acceptor", "acceptance", whole)  # nothing else is asked for
    act.withdraw()


@pytest.mark.parametrize("kind", ["organisation", "person", "server"])
def test_each_business_asks_for_the_materials_of_the_kind_and_for_its_fee(soon, kind):
    old = soon.case("completed", kind=kind)
    for business in (*MAKING, "revoke", "unlock", "suspend"):
        asks_for_its_materials_and_fee(Act(soon, business, old))
    Act(soon, "suspend", old).run()
    asks_for_its_materials_and_fee(Act(soon, "resume", old))


def test_only_a_renewal_may_use_an_old_key_again(ra, old):
    act = Act(ra, "reissue_damaged", old)
    act.key = old.key
    act.submit()
    act.accept()
    act.enter()
    act.review()
    act.draw()
    refused(act.ask(expect=422), 422, "key-reused", ("/csr", "key-reused"))


def test_a_renewal_long_before_the_end_is_too_early(ra, old):
    refused(ra.staff("acceptor").post("/applications", Act(ra, "renew", old).form, expect=409), 409, "renewal-too-early")


@pytest.mark.parametrize("reason, number", [("cessation_of_operation", 5), ("key_compromise", 1), ("unspecified", 0)])
def test_revocation_reaches_the_ca_with_its_reason(ra, old, reason, number):
    act = Act(ra, "revoke", old, revocation_reason=reason)
    act.run()
    assert act.state == "completed"
    assert certificate(ra, old)["status"] == "revoked" and lists_of(ra, old) == ["revoked"]
    assert [line["reason"] for line in ledger(ra, "revocation", old.certificate["serial"])] == [number]
    shown = ra.public.get("/certificate-status", params={"subject": old.name}).json()["items"][0]
    assert (shown["status"], shown["source_status"]) == ("revoked", "证书注销")


def test_suspension_and_resumption_hold_and_release_at_the_ca(ra, old):
    suspended = Act(ra, "suspend", old)
    suspended.run()
    assert certificate(ra, old)["status"] == "suspended" and lists_of(ra, old) == ["suspended"]
    shown = ra.public.get("/certificate-status", params={"subject": old.name, "serial": old.certificate["serial"]}).json()["items"][0]
    assert (shown["status"], shown["source_status"]) == ("suspended", "挂起")
    Act(ra, "resume", old).run()
    assert certificate(ra, old)["status"] == "valid"
    assert [line["reason"] for line in ledger(ra, "revocation", old.certificate["serial"])] == [6, 8]


def test_unlocking_touches_only_the_token(ra, old):
    act = Act(ra, "unlock", old)
    act.run()
    assert act.state == "completed"
    assert certificate(ra, old)["status"] == "valid"
    assert not ledger(ra, "revocation", old.certificate["serial"])
    assert [step["step"] for step in act.history()] == ["submission", "acceptance", "operation", "registration", "archive", "completion"]


def test_who_accepted_does_not_unlock(ra, old):
    both = ra.person("acceptor", "technician")
    act = Act(ra, "unlock", old)
    act.submit()
    act.accept(both)
    act.refuse(both, "operation", OPERATION, 403, "separation-of-duty")
    act.refuse("technician", "operation", {**OPERATION, "token_present": False}, 422, "inspection-failed", ("/token_present", "not-checked"))
    act.step("technician", "operation", OPERATION)


def test_a_change_of_name_is_made_with_the_new_name(ra, old):
    name = samples.organisation_name()
    act = Act(ra, "modify", old, subject_name=name, revocation_reason="affiliation_changed")
    act.run()
    assert act.certificate["subject_name"] == name
    assert [line["reason"] for line in ledger(ra, "revocation", old.certificate["serial"])] == [3]


@pytest.mark.parametrize("change, code, place", [
    ({"subject_name": "山西另一家科技有限公司"}, "name-not-allowed", "/subject_name"),
    ({"usage": "encryption"}, "kind-not-offered", "/kind"),
], ids=["name", "usage"])
def test_a_correction_binds_an_act_to_its_certificate_as_the_submission_does(ra, old, change, code, place):
    act = Act(ra, "reissue_damaged", old)
    act.submit()
    refused(act.call("acceptor", "PATCH", "", change, expect=422), 422, code, (place, "not-as-applied"))
    act.call("acceptor", "PATCH", "", {"subject_name": old.name, "note": "更正备注"})
    assert act.application["subject_name"] == old.name


def test_an_act_does_not_give_a_certificate_to_another_subscriber(ra, old):
    for member, value in (("social_security_no", samples.social_security_no()), ("kind", "person")):
        subscriber = {**old.form["subscriber"], member: value}
        if member == "kind":
            subscriber["id_document"] = {"type": "resident_id", "number": samples.resident_id()}
        refused(ra.staff("acceptor").post("/applications", Act(ra, "reissue_damaged", old, subscriber=subscriber).form, expect=422), 422,
                "body-invalid", (f"/subscriber/{member}", "not-as-applied"))
    Act(ra, "reissue_damaged", old, subscriber=old.form["subscriber"]).submit()


def test_a_token_that_was_lost_is_revoked_as_compromised(ra, old):
    Act(ra, "replace_token", old, cause="lost").run()
    assert [line["reason"] for line in ledger(ra, "revocation", old.certificate["serial"])] == [1]


def test_the_subscriber_is_told_that_a_lost_certificate_becomes_void(ra, old):
    act = Act(ra, "reissue_lost", old)
    act.submit()
    act.refuse("acceptor", "acceptance", acceptance("organisation"), 422, "particulars-missing", ("/subscriber_told", "required"))


@pytest.mark.parametrize("business", sorted(PARTICULARS))
def test_what_a_business_must_be_told_is_asked_for(ra, old, business):
    form = {key: value for key, value in Act(ra, business, old).form.items() if key not in PARTICULARS[business]}
    member, = PARTICULARS[business]
    refused(ra.staff("acceptor").post("/applications", form, expect=422), 422, "particulars-missing", ("/" + member, "required"))


def test_wrong_combinations_are_refused_by_name(ra, old):
    acceptor = ra.staff("acceptor")
    refused(acceptor.post("/applications", Act(ra, "resume", old).form, expect=409), 409, "certificate-state")
    Act(ra, "revoke", old).run()
    for business in (*MAKING, "revoke", "suspend", "resume", "unlock"):
        refused(acceptor.post("/applications", Act(ra, business, old).form, expect=409), 409, "certificate-state")


def test_one_open_application_per_certificate(ra, old):
    first = Act(ra, "suspend", old)
    first.submit()
    refused(ra.staff("acceptor").post("/applications", Act(ra, "revoke", old).form, expect=409), 409, "duplicate-application")
    first.withdraw()
    Act(ra, "revoke", old).submit()


def test_a_certificate_out_of_sight_does_not_exist(ra, old):
    elsewhere = ra.person("acceptor", office_id=ra.office("140200"), province_wide=False)
    refused(ra.staff(elsewhere).post("/applications", Act(ra, "revoke", old).form, expect=422), 422, "certificate-needed",
            ("/certificate_id", "unknown-reference"))


def test_an_act_that_makes_no_certificate_takes_no_certificate_data(ra, old):
    act = Act(ra, "suspend", old)
    act.submit()
    act.accept()
    body = {"certificate": {"subject": {"common_name": old.name}, "validity_years": 1, "key_algorithms": ["rsa"]}}
    act.refuse("entry_officer", "entry", body, 422, "body-invalid", ("/certificate", "not-allowed"))


@pytest.mark.log("RA0421")
def test_a_revocation_survives_a_ca_that_is_down(ra, old):
    act = Act(ra, "revoke", old)
    act.submit()
    act.accept()
    act.enter()
    ra.stack.ca.stop()
    try:
        act.review()
        assert act.state == "in_execution"
        assert certificate(ra, old)["status"] == "valid"
    finally:
        ra.stack.ca.start()
    act.wait("awaiting_archive", 30)
    assert len(ledger(ra, "revocation", old.certificate["serial"])) == 1


@pytest.mark.log("RA0421")
def test_a_revocation_that_the_ca_rejects_goes_back_to_the_reviewer(ra, old):
    act = Act(ra, "revoke", old)
    act.submit()
    act.accept()
    act.enter()
    ra.stack.ca.knobs(mode="reject", body="rr", count=1)
    try:
        act.review()
        act.wait("awaiting_review")
    finally:
        ra.stack.ca.reset()
    assert certificate(ra, old)["status"] == "valid"
    act.review()
    act.wait("awaiting_archive")
    assert certificate(ra, old)["status"] == "revoked"


def to_codes(ra, business, old):
    act = Act(ra, business, old).entered()
    act.review()
    act.draw()
    return act


# The CA's answer is lost.

@pytest.fixture(scope="module")
def careful(make_ra):
    """An instance whose CA is not asked twice with the same bytes."""
    return make_ra("acts-never", EXTRA_GLOBAL="RAUpstreamTimeout 2\nRAUpstreamResend never")


def review_while(ra, act, **fault):
    """Up to the review that sends the act to a CA which misbehaves once."""
    act.submit()
    act.accept()
    act.enter()
    ra.stack.ca.knobs(body="rr", count=1, **fault)
    act.review()


def done_at_the_ca(ra, act):
    """Reasons of what the CA did about the certificate, in order."""
    return [line["reason"] for line in ledger(ra, "revocation", act.old.certificate["serial"]) if line["result"] == "done"]


LOST = [{"mode": "silent"}, {"mode": "garbage"}, {"mode": "truncate"}, {"mode": "bad_signature"}, {"mode": "issue_then_reject"}]


@pytest.mark.log("RA0421")
@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault["mode"])
def test_an_act_whose_answer_is_lost_is_done_once_and_ends(ra, old, fault):
    for business, reason, status in (("suspend", 6, "suspended"), ("resume", 8, "valid"), ("revoke", 5, "revoked")):
        act = Act(ra, business, old)
        review_while(ra, act, **fault)
        act.register_executed(30)
        assert certificate(ra, old)["status"] == status
        assert done_at_the_ca(ra, act)[-1] == reason
        act.archive()
        act.step("acceptor", "completion", COMPLETION)
    assert done_at_the_ca(ra, act) == [6, 8, 5]


@pytest.mark.log("RA0421")
@pytest.mark.parametrize("dedup", ["on", "off"])
def test_an_act_is_asked_for_anew_where_the_same_bytes_must_not_be_sent(careful, dedup):
    old = careful.case("completed")
    careful.stack.ca.knobs(dedup=dedup)
    try:
        for business, reason in (("suspend", 6), ("revoke", 5)):
            act = Act(careful, business, old)
            review_while(careful, act, mode="silent")
            act.register_executed(30)
            assert done_at_the_ca(careful, act)[-1] == reason
            act.archive()
            act.step("acceptor", "completion", COMPLETION)
    finally:
        careful.stack.ca.knobs(mode="normal", dedup="on")
    assert certificate(careful, old)["status"] == "revoked"


@pytest.mark.log("RA0421")
def test_a_release_that_may_have_happened_is_left_to_a_person(careful):
    """The CA refuses to release what it has released; whether it did is not to be told from a certificate that was revoked meanwhile."""
    old = careful.case("completed")
    Act(careful, "suspend", old).run()
    act = Act(careful, "resume", old)
    review_while(careful, act, mode="silent")
    person = f"SELECT COUNT(*) FROM outbox_jobs j JOIN ca_attempts t ON t.id = j.subject WHERE j.state = 'person' AND t.application_id = UNHEX(REPLACE('{act.id}', '-', ''))"
    end = time.monotonic() + 90
    while careful.sql(person) != [["1"]] and time.monotonic() < end:
        time.sleep(0.1)
    assert careful.sql(person) == [["1"]]
    assert act.read()["state"] == "in_execution"
    assert certificate(careful, old)["status"] == "suspended"
    assert done_at_the_ca(careful, act) == [6, 8]


@pytest.mark.log("RA0421")
def test_completion_waits_for_the_old_certificate(ra, old):
    act = Act(ra, "reissue_damaged", old)
    act.submit()
    act.accept()
    act.enter()
    act.review()
    act.draw()
    ra.stack.ca.knobs(mode="reject", body="rr", count=-1)
    try:
        act.produce()
        act.hand_over()
        act.step("issuing_officer", "registration", {"register": "A1"})
        act.archive()
        act.refuse("issuing_officer", "completion", COMPLETION, 409, "old-certificate-open")
        act.demand_blocked("issuing_officer", "completion", "old-certificate-open")
    finally:
        ra.stack.ca.reset()
    wait_for_status(ra, old, "revoked", 60)
    act.demand_free("issuing_officer", "completion")
    act.complete()


@pytest.mark.log("RA0421")
def test_an_old_certificate_that_has_lapsed_and_that_the_ca_does_not_revoke_holds_up_nothing(ra, old):
    act = to_codes(ra, "reissue_damaged", old)
    ra.sql(f"UPDATE certificates SET not_after = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE id = {uuid_sql(old.certificate['id'])}")
    ra.stack.ca.knobs(mode="reject", body="rr")
    try:
        act.produce()
        end = time.monotonic() + 60
        while ra.sql(f"SELECT state FROM ca_attempts WHERE target_certificate_id = {uuid_sql(old.certificate['id'])}") != [["rejected"]]:
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        ra.stack.ca.reset()
    act.hand_over()
    act.step("issuing_officer", "registration", REGISTRATION)
    act.archive()
    act.complete()
    assert certificate(ra, old)["status"] == "expired"


@pytest.mark.log("RA0421")
def test_a_certificate_is_stored_whatever_the_ca_is_being_asked_about_the_old_one(ra, old):
    """The RA's own question about the old one is not settled when the new one is made; it is revoked once it is."""
    act = to_codes(ra, "reissue_damaged", old)
    mine = f"target_certificate_id = {uuid_sql(old.certificate['id'])}"
    ra.sql("INSERT INTO ca_attempts (id, kind, application_id, target_certificate_id, revocation_reason, state, transaction_id, job_id, created_at, updated_at)"
           f" SELECT UNHEX(REPLACE(UUID(), '-', '')), 'revoke', application_id, id, 8, 'unknown', RANDOM_BYTES(16), RANDOM_BYTES(16), UTC_TIMESTAMP(6),"
           f" UTC_TIMESTAMP(6) FROM certificates WHERE id = {uuid_sql(old.certificate['id'])}")
    act.produce()
    assert (act.certificate["status"], certificate(ra, old)["status"]) == ("valid", "valid")
    assert ra.sql(f"SELECT COUNT(*) FROM ca_attempts WHERE {mine}") == [["1"]]
    ra.sql(f"UPDATE ca_attempts SET state = 'settled', version = version + 1 WHERE {mine}")
    wait_for_status(ra, old, "revoked")
    assert reasons(ra, old) == [4]
