"""A short campaign: the business goes on while every failpoint is met once and everything dies at random; nothing is lost, nothing is issued twice."""
import random

import pytest

from fault import campaign as campaigns
from harness.httpd import show

pytestmark = pytest.mark.test_build
SECONDS = 75


@pytest.fixture
def make_campaign(build, tmp_path):
    stacks = []

    def make(name, seed, **options):
        stack = campaigns.make_stack(build, name, options.get("resend", "idempotent"))
        stacks.append(stack)
        return campaigns.Campaign(stack, tmp_path / "campaign", seed, dedup=options.get("dedup", True))

    yield make
    for stack in stacks:
        stack.stop()
        stack.leave()


def no_violation(campaign):
    code, text = campaign.check()
    print(campaign.report())
    print(text)
    assert code == 0, text
    assert not campaign.odd, campaign.odd[:5]
    assert not campaign.crashes(), show(campaign.crashes())


def test_nothing_is_lost_and_nothing_is_issued_twice(make_campaign):
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")  # shown when it fails
    campaign = make_campaign("fault", seed)
    missed = campaign.run(10000, workers=4, seconds=SECONDS)
    no_violation(campaign)
    assert not missed, f"failpoints that nothing came by: {missed}"
    assert all(campaign.points.hits(name) and campaign.points.fired(name) for name in campaign.points.names)
    assert len(campaign.points.names) >= 30
    assert campaign.log.most_in_flight > 1 and campaign.done["cases"] > 0


def test_a_ca_without_memory_issues_nothing_twice_either(make_campaign):
    """RAUpstreamResend never, and a CA that would issue again: what is not known waits for a person, a surplus is handed to nobody."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    campaign = make_campaign("fault-never", seed, resend="never", dedup=False)
    campaign.wait = 6
    campaign.run(25, workers=3, seconds=20, tour=False)
    no_violation(campaign)
    assert campaign.done["cases"] > 0
