"""The main job as the quickstart runs it: an organisation's certificate from submission to the public status query."""
from harness.main_job import Job


def test_an_organisation_gets_a_certificate_that_its_ca_vouches_for(stack):
    job = Job(stack).run()
    subject, serial, verdict = job.verify()
    assert job.application["state"] == "completed"
    assert f"CN={job.name}" in subject
    assert serial.lstrip("0") == job.certificate["serial"].upper().lstrip("0")
    assert verdict.endswith("OK")
    issued = [line for line in stack.ca.ledger() if line["kind"] == "certificate" and job.name in line["subject"]]
    assert len(issued) == 1


def test_the_record_says_who_did_each_step(stack):
    job = Job(stack).run()
    steps = job.application["steps"]
    done_by = {name: step["by"]["id"] for name, step in steps.items()}
    assert len({done_by["entry"], done_by["review"], done_by["production"]}) == 3
    people = stack.ids["people"]
    assert done_by["entry"] == people["entry_officer"]
    assert done_by["review"] == people["review_officer"]
    assert done_by["production"] == people["issuing_officer"]
