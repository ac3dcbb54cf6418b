"""The pages in a real browser: each test(…) of the *.test.mjs beside this file is a test here.

One run of node per file, against an instance of this ring; support.mjs has what every test demands (no CSP violation, no error, no other
host). `-k` chooses among the names.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness import samples, seed
from harness.pki import DAY, P12_PASSWORD, Authority, now

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 600
# Files whose pages need an instance with other settings.
INSTANCES = {"strict.test.mjs": {
    "PRODUCTION_WAIT": 1, "EXTRA_GLOBAL": "RASignedDecisions required\nRAUpstreamTimeout 2\nRAUpstreamResend never"}}
RESULT = re.compile(r"^(not ok|ok) \d+ - (.*?)(?: # (.*))?$", re.M)


# What a file means to provoke in httpd's log: mod_ssl's own words about a handshake that failed.
MEANT = {"handshake.test.mjs": [pytest.mark.log("AH02039")]}
# No test: the pictures of the README, taken where RA_SCREENSHOTS names a folder.
PICTURES = "screenshots.test.mjs"


def discovered():
    files = [file for file in sorted(HERE.glob("*.test.mjs")) if file.name != PICTURES or os.environ.get("RA_SCREENSHOTS")]
    return [pytest.param(file.name, name, id=f"{file.name.removesuffix('.test.mjs')}:{name}", marks=MEANT.get(file.name, ()))
            for file in files for name in re.findall(r"^test\('([^']+)'", file.read_text("utf-8"), re.M)]


def settings(stack):
    """What the tests know of the instance."""
    people = {role: identity(name, stack.identity(role)) for role, (name, _) in seed.PEOPLE.items()}
    expired = stack.pki.client("expired", "王受理 (expired)", days=30, not_before=now() - 40 * DAY)
    foreign = stack.pki.client("foreign", "王受理 (foreign)", authority=Authority.make("别家CA (another CA)"))
    return {"urls": {host: stack.url(host) for host in ("public", "staff", "api", "ca_control")}, "people": people,
            "stranger": identity("陌生人", stack.pki.client("stranger", "陌生人 (stranger)")), "expired": identity("王受理", expired),
            "foreign": identity("王受理", foreign), "newcomer": identity("新系统", stack.pki.client("newcomer", "新系统 (newcomer)")),
            "system": identity(seed.SYSTEM_NAME, stack.identity(seed.SYSTEM)), "ids": stack.ids,
            "sources": str(stack.source), "state": str(stack.state), "root": str(stack.pki.root_file),
            "db_socket": str(stack.database.socket),
            "ledger": str(stack.ca.state / "ledger.jsonl"), "p12_password": P12_PASSWORD,
            "uscc": [samples.uscc() for _ in range(240)], "resident_ids": [samples.resident_id(order=order) for order in range(1, 40)],
            "web": str(stack.build.web)}


def identity(name, one):
    return {"name": name, "alias": one.name, "cert": str(one.certificate), "key": str(one.key), "p12": str(one.p12)}


def modules(build):
    return build.products / "web" / "node_modules"


@pytest.fixture(scope="session")
def stack(make_stack):
    """An instance for the browser alone: a certificate may be renewed as soon as it is made, what the CA publishes is fetched."""
    return make_stack("browser", EXTRA_GLOBAL="RARenewalWindow 3650", CRL_SECONDS=60)


@pytest.fixture(scope="session")
def results(build, tmp_path_factory):
    """Runs a file once. @return name → what TAP says about it"""
    chromium = shutil.which("chromium")
    if not build.web:
        pytest.skip("this build has no web UI")
    if not chromium:
        pytest.skip("chromium is missing; on Debian: apt install chromium")
    done = {}

    def run(stack, file, names):
        if file not in done:
            done[file] = run_file(stack, chromium, file, names, tmp_path_factory.mktemp("browser"))
        return done[file]

    return run


def run_file(stack, chromium, file, names, folder):
    place = folder / "settings.json"
    place.write_text(json.dumps(settings(stack)), "utf-8")
    environment = dict(os.environ, RA_BROWSER_SETTINGS=str(place), RA_CHROMIUM=chromium, RA_NODE_MODULES=str(modules(stack.build)),
                       RA_BROWSER_OUTPUT=os.environ.get("RA_BROWSER_OUTPUT", str(folder)), NODE_OPTIONS="")
    chosen = [f"--test-name-pattern=^{re.escape(name)}$" for name in names]
    words = [stack.build.variables["NODE"], "--test-reporter=tap", *chosen, str(HERE / file)]
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
    text = done.stdout.decode("utf-8", "replace")
    return {name: (verdict == "ok", text) for verdict, name, _ in RESULT.findall(text)}, text


@pytest.fixture(scope="session")
def own_instances():
    return {}


@pytest.fixture
def instance(request, own_instances, make_stack, file):
    """The shared instance, whose log must stay clean, or the file's own."""
    if file not in INSTANCES:
        return request.getfixturevalue("stack")
    if file not in own_instances:
        own_instances[file] = make_stack(file.split(".")[0], **INSTANCES[file])
    return own_instances[file]


@pytest.mark.parametrize("file, name", discovered())
def test_page(request, results, instance, file, name):
    chosen = [item.callspec.params["name"] for item in request.session.items
              if getattr(item, "callspec", None) and item.callspec.params.get("file") == file]
    outcome, text = results(instance, file, chosen)
    assert name in outcome, f"{file} did not come to this test:\n{text[-4000:]}"
    passed, _ = outcome[name]
    assert passed, failure_of(text, name)


def failure_of(text, name):
    """The part of the TAP output about one test."""
    begin = text.find(f"- {name}\n")
    return text[begin:begin + 4000]
