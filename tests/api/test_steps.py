"""Each refusal of the steps (domain.md §2, §3, §18): state, role, separate hands, materials, payment, entry, inspection, archive."""
import pytest

from harness import seed
from support import ARCHIVE, COMPLETION, HANDOVER, MATERIALS, REJECTION, Person, acceptance, entry, refused, unique

CODES = {"reference_code": "00000", "authorisation_code": "00000", "csr": "x"}
# step → (role that does it, a body that its schema takes, state in which it is done)
STEPS = {
    "agency-decision": ("agency", {"decision": "approve", "filing_number": "备-1"}, "awaiting_agency"),
    "acceptance": ("acceptor", acceptance("organisation"), "awaiting_acceptance"),
    "entry": ("entry_officer", {"certificate": {"subject": {"common_name": "x"}, "validity_years": 1, "key_algorithms": ["rsa"]}},
              "awaiting_entry"),
    "review": ("review_officer", {"decision": "approve"}, "awaiting_review"),
    "codes": ("issuing_officer", {}, "awaiting_production"),
    "production": ("issuing_officer", CODES, "awaiting_production"),
    "handover": ("issuing_officer", HANDOVER, "awaiting_handover"),
    "archive": ("archivist", ARCHIVE, "awaiting_archive"),
    "completion": ("issuing_officer", COMPLETION, "awaiting_completion"),
    "withdrawal": ("acceptor", {"reason": "不办了"}, None),
}
ALSO = {"withdrawal": ("entry_officer",)}  # other roles that may do it
STATES = ("awaiting_agency", "awaiting_acceptance", "awaiting_entry", "awaiting_review", "awaiting_production", "awaiting_handover",
          "awaiting_archive", "awaiting_completion", "completed")
BEFORE_PRODUCTION = STATES[:5]


@pytest.mark.parametrize("state", STATES)
def test_step_is_refused_in_every_state_but_its_own(ra, state):
    case = ra.case(state)
    for step, (role, body, own) in STEPS.items():
        possible = own == state if own else state in BEFORE_PRODUCTION
        if not possible:
            said = case.refuse(role, step, body, 409, "state-conflict")
            assert "…" not in said["detail"]


@pytest.mark.parametrize("step", STEPS)
def test_step_is_refused_to_every_other_role(ra, step):
    role, body, state = STEPS[step]
    case = ra.case(state or "awaiting_acceptance")
    for other in seed.PEOPLE:
        if other not in (role, *ALSO.get(step, ())):
            case.refuse(other, step, body, 403, "access-denied")


def test_correction_is_refused_to_other_roles(ra):
    case = ra.case("awaiting_acceptance")
    for role in seed.PEOPLE:
        if role not in ("acceptor", "entry_officer"):
            refused(case.call(role, "PATCH", "", {"note": "x"}, expect=403), 403, "access-denied")


# Hands.

@pytest.fixture(scope="module")
def many(ra):
    """Somebody with all three roles, and a second certificate."""
    person = ra.person("entry_officer", "review_officer", "issuing_officer")
    again = Person(person.id, ra.identity())
    path = f"/people/{person.id}"
    ra.administrator.step(path, "certificates", {"certificate": again.identity.pem})
    return person, again


def test_one_person_does_not_enter_and_review(ra, many):
    case = ra.case("awaiting_entry")
    case.enter(many[0])
    for certificate in many:
        assert "entry" in case.refuse(certificate, "review", {"decision": "approve"}, 403, "separation-of-duty")["detail"] + " entry"
    case.refuse(many[1], "review", REJECTION, 403, "separation-of-duty")
    case.review()


def test_one_person_does_not_enter_and_produce(ra, many):
    case = ra.case("awaiting_entry")
    case.enter(many[0])
    case.review()
    for certificate in many:
        case.refuse(certificate, "codes", {}, 403, "separation-of-duty")
    case.draw()
    for certificate in many:
        case.refuse(certificate, "production", case.production(), 403, "separation-of-duty")
    case.produce()


def test_one_person_does_not_review_and_produce(ra, many):
    case = ra.case("awaiting_review")
    case.review(many[1])
    for certificate in many:
        case.refuse(certificate, "codes", {}, 403, "separation-of-duty")


def test_who_drew_the_codes_counts_as_the_producer(ra, many):
    case = ra.case("awaiting_production")
    case.draw(many[0])
    assert case.read()["steps"]["codes"]["by"]["id"] == many[0].id
    case.produce(many[1])
    assert case.state == "awaiting_handover"


def test_agencys_system_does_not_decide_on_its_own_submission(ra):
    system = ra.business_system("applications.submit", "agency.decide", agency_id=ra.ids["agency"])
    other = ra.business_system("agency.decide", agency_id=ra.ids["agency"])
    case = ra.case()
    case.submit(ra.system(system))
    body = {"decision": "approve", "filing_number": "备-1"}
    case.refuse(ra.system(system), "agency-decision", body, 403, "own-submission")
    case.approve(ra.system(other))
    assert case.state == "awaiting_acceptance"


def test_only_the_subscribers_own_agency_decides(ra):
    stranger = ra.person("agency", agency_id=ra.agency(), province_wide=False)
    case = ra.case("awaiting_agency")
    case.refuse(stranger, "agency-decision", {"decision": "approve", "filing_number": "备-1"}, 404, "not-found")
    case.refuse(ra.system(), "agency-decision", {"decision": "approve", "filing_number": "备-1"}, 403, "access-denied")


# Acceptance: materials and payment.

@pytest.fixture(scope="module", params=MATERIALS)
def waiting(ra, request):
    return ra.case("awaiting_acceptance", kind=request.param)


def test_each_material_must_be_there(waiting):
    for name in MATERIALS[waiting.kind]:
        body = acceptance(waiting.kind)
        kept = [one for one in body["materials"] if one["material"] != name]
        waiting.refuse("acceptor", "acceptance", {**body, "materials": kept}, 422, "materials-incomplete",
                       ("/materials", "material-missing"))
        kept.append({"material": name, "received": False, "sealed": True, "signed": True})
        waiting.refuse("acceptor", "acceptance", {**body, "materials": kept}, 422, "materials-incomplete",
                       ("/materials", "material-missing"))


def test_seal_of_organisations_and_signature_of_persons(waiting):
    for place, name in enumerate(MATERIALS[waiting.kind]):
        body = acceptance(waiting.kind)
        body["materials"][place] = {"material": name, "received": True, "sealed": waiting.kind == "person",
                                    "signed": waiting.kind != "person"}
        if waiting.kind != "person":
            waiting.refuse("acceptor", "acceptance", body, 422, "materials-incomplete", ("/materials", "material-not-sealed"))
        elif name == "application_form":
            waiting.refuse("acceptor", "acceptance", body, 422, "materials-incomplete", ("/materials", "material-not-signed"))


def test_material_is_recorded_once(waiting):
    body = acceptance(waiting.kind)
    body["materials"].append(body["materials"][0])
    waiting.refuse("acceptor", "acceptance", body, 422, "materials-incomplete", ("/materials", "not-unique"))


@pytest.mark.parametrize("payment,pointer,violation", [
    ({"method": "cash", "amount": 1}, "/payment/receipt_number", "required"),
    ({"method": "card", "amount": 1, "voucher_number": "V1"}, "/payment/receipt_number", "required"),
    ({"method": "wire", "amount": 1, "receipt_number": "R1"}, "/payment/voucher_number", "required"),
    ({"method": "waived", "amount": 0}, "/payment/waiver_reason", "required"),
    ({"method": "barter", "amount": 1, "receipt_number": "R1"}, "/payment/method", "not-in-list"),
    ({"method": "cash", "amount": -1, "receipt_number": "R1"}, "/payment/amount", "too-small"),
    ({"method": "cash", "amount": 10000001, "receipt_number": "R1"}, "/payment/amount", "too-large"),
    ({"method": "cash", "amount": 110.5, "receipt_number": "R1"}, "/payment/amount", "wrong-type"),
])
def test_payment_names_its_document(ra, shared, payment, pointer, violation):
    shared.refuse("acceptor", "acceptance", acceptance("organisation", payment=payment), 422, "body-invalid", (pointer, violation))


@pytest.fixture(scope="module")
def shared(ra):
    """A case that nothing in its tests changes."""
    return ra.case("awaiting_acceptance")


def test_fee_must_be_paid_or_waived(ra, shared):
    body = acceptance("organisation")
    del body["payment"]
    shared.refuse("acceptor", "acceptance", body, 422, "payment-missing", ("/payment", "required"))


def test_wire_adds_a_copy_of_the_voucher(ra):
    case = ra.case("awaiting_acceptance")
    body = acceptance("organisation", payment={"method": "wire", "amount": 11000, "voucher_number": unique("V")})
    case.refuse("acceptor", "acceptance", body, 422, "materials-incomplete", ("/materials", "material-missing"))
    body["materials"].append({"material": "wire_voucher", "received": True})
    assert case.step("acceptor", "acceptance", body).json()["state"] == "awaiting_entry"


def test_waiver_with_a_reason_is_accepted(ra):
    case = ra.case("awaiting_acceptance")
    body = acceptance("organisation", payment={"method": "waived", "amount": 0, "waiver_reason": "政策免收"})
    assert case.step("acceptor", "acceptance", body).json()["state"] == "awaiting_entry"


def test_receipt_pays_for_one_application(ra, shared):
    first = ra.case("awaiting_acceptance")
    body = acceptance("organisation")
    first.step("acceptor", "acceptance", body)
    shared.refuse("acceptor", "acceptance", body, 409, "payment-duplicate", ("/payment/receipt_number", "taken"))


# Entry.

@pytest.fixture(scope="module")
def entered(ra):
    """Cases that wait for entry, by kind; nothing in their tests changes them."""
    return {kind: ra.case("awaiting_entry", kind=kind) for kind in MATERIALS}


SUBJECT = "/certificate/subject"


@pytest.mark.parametrize("kind,changes,code,pointer,violation", [
    ("organisation", {"subject": {"common_name": "另一个名称"}}, "name-not-allowed", SUBJECT + "/common_name", "not-as-applied"),
    ("organisation", {"dns_names": ["www.example.cn"]}, "san-not-allowed", "/certificate/dns_names", "not-as-applied"),
    ("person", {"ip_addresses": ["203.0.113.7"]}, "san-not-allowed", None, None),
    ("server", {"dns_names": []}, "san-missing", "/certificate/dns_names", "required"),
    ("server", {"ip_addresses": ["999.1.1.1"]}, "san-not-allowed", "/certificate/ip_addresses/0", "malformed"),
    ("server", {"ip_addresses": ["203.0.113.7", "fe80::1::2"]}, "san-not-allowed", "/certificate/ip_addresses/1", "malformed"),
    ("server", {"dns_names": ["*.example.cn"]}, "body-invalid", "/certificate/dns_names/0", "pattern"),
    ("server", {"dns_names": ["localhost"]}, "body-invalid", "/certificate/dns_names/0", "pattern"),
    ("server", {"dns_names": ["a.cn", "a.cn"]}, "body-invalid", "/certificate/dns_names", "not-unique"),
    ("organisation", {"validity_years": 2}, "validity-too-long", "/certificate/validity_years", "not-as-applied"),
    ("organisation", {"key_algorithms": []}, "body-invalid", "/certificate/key_algorithms", "too-few-items"),
    ("organisation", {"key_algorithms": ["dsa"]}, "body-invalid", "/certificate/key_algorithms/0", "not-in-list"),
])
def test_entry_keeps_to_the_application(entered, kind, changes, code, pointer, violation):
    case = entered[kind]
    expected = [(pointer, violation)] if pointer else []
    case.refuse("entry_officer", "entry", entry(case, **changes), 422, code, *expected)


@pytest.mark.parametrize("member", ["organization", "organizational_unit", "locality", "state_or_province"])
@pytest.mark.parametrize("deception", ["山西\u200b某公司", "山西\u202eynapmoc", "Аpple 公司"])
def test_entry_refuses_names_that_deceive_the_eye(entered, member, deception):
    case = entered["organisation"]
    body = entry(case)
    body["certificate"]["subject"][member] = deception
    case.refuse("entry_officer", "entry", body, 422, "deceptive-name", (f"{SUBJECT}/{member}", "deceptive-characters"))


def test_entry_takes_ip_addresses_of_both_kinds(ra):
    case = ra.case("awaiting_entry", kind="server")
    case.step("entry_officer", "entry", entry(case, ip_addresses=["203.0.113.7", "2001:db8::7"]))
    assert case.application["snapshot"]["ip_addresses"] == ["203.0.113.7", "2001:db8::7"]
    case.to("awaiting_handover")


# Review, hand-over, archive, completion.

def test_review_is_of_what_is_entered_now(ra):
    case = ra.case("awaiting_review")
    case.refuse("review_officer", "review", {"decision": "approve", "snapshot_sha256": "0" * 64}, 409, "snapshot-mismatch",
                ("/snapshot_sha256", "not-as-applied"))


@pytest.mark.parametrize("step,state,role", [("agency-decision", "awaiting_agency", "agency"),
                                             ("acceptance", "awaiting_acceptance", "acceptor"),
                                             ("review", "awaiting_review", "review_officer")])
def test_rejection_says_why_and_what_to_do(ra, step, state, role):
    case = ra.case(state)
    extra = {"materials": []} if step == "acceptance" else {}
    for missing in ("reason", "guidance"):
        body = {name: value for name, value in REJECTION.items() if name != missing}
        case.refuse(role, step, {**body, **extra}, 422, "body-invalid", (f"/{missing}", "required"))


def test_approval_of_the_agency_has_its_filing_number(ra):
    case = ra.case("awaiting_agency")
    case.refuse("agency", "agency-decision", {"decision": "approve"}, 422, "body-invalid", ("/filing_number", "required"))


@pytest.mark.parametrize("check", HANDOVER["inspection"])
def test_certificate_is_inspected_before_it_is_handed_over(ra, made, check):
    inspection = {**HANDOVER["inspection"], check: False}
    made.refuse("issuing_officer", "handover", {**HANDOVER, "inspection": inspection}, 422, "inspection-failed",
                (f"/inspection/{check}", "not-checked"))


@pytest.fixture(scope="module")
def made(ra):
    return ra.case("awaiting_handover")


def test_recipients_number_stays_out_of_the_record(ra):
    case = ra.case("awaiting_handover")
    document = {"type": "resident_id", "number": case.form["subscriber"].get("id_document", {}).get("number", "11010519491231002X")}
    case.step("issuing_officer", "handover", {**HANDOVER, "recipient": {"name": "王小明", "id_document": document}})
    assert case.application["steps"]["handover"]["recipient"]["id_document"]["number"] == "****002X"


@pytest.mark.parametrize("changes,pointer,violation", [
    ({"form_copies": [1]}, "/form_copies", "form-copy-missing"), ({"form_copies": [2, 3]}, "/form_copies", "form-copy-missing"),
    ({"form_copies": []}, "/form_copies", "form-copy-missing"), ({"electronic_checked": False}, "/electronic_checked", "not-checked"),
    ({"paper_complete": False}, "/paper_complete", "not-checked"),
])
def test_archive_is_complete(ra, handed, changes, pointer, violation):
    handed.refuse("archivist", "archive", {**ARCHIVE, **changes}, 422, "archive-incomplete", (pointer, violation))


@pytest.fixture(scope="module")
def handed(ra):
    return ra.case("awaiting_archive")


def test_completion_is_by_who_handed_it_over(ra):
    case = ra.case("awaiting_completion")
    case.refuse(ra.person("issuing_officer"), "completion", COMPLETION, 403, "same-person-required")
    case.complete()
