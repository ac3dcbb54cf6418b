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
from harness.httpd import show
from harness.pki import DAY, P12_PASSWORD, Authority, now

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = HERE.parent.parent
SECONDS = 600
# Files whose pages need an instance with other settings.
INSTANCES = {"strict.test.mjs": {
    "PRODUCTION_WAIT": 1, "EXTRA_GLOBAL": "RASignedDecisions required\nRAUpstreamTimeout 2\nRAUpstreamResend never"}}
# A button, the line that folds something open, a link that is a step of the work: by its name, as far as the source says it.
BUTTON = re.compile(r"<(el-button|button|summary)\b((?:[^>\"]|\"[^\"]*\")*)>")
LINK = re.compile(r"<(router-link)\b((?:[^>\"]|\"[^\"]*\")*\bdata-test=(?:[^>\"]|\"[^\"]*\")*)>")
NAME = re.compile(r"(?<=\s)(:?)data-test=\"([^\"]+)\"")
GIVEN = re.compile(r"(?<=\s)(:?)name=\"([^\"]+)\"")
RESULT = re.compile(r"^(not ok|ok) \d+ - (.*?)(?: # (.*))?$", re.M)

# What the files mean to provoke in httpd's log: a suspension that the CA knows nothing of, said whenever the RA compares, whatever runs then;
# mod_ssl's own words about a handshake that failed; a CA that answers nothing of use.
ANYWHERE = pytest.mark.log("RA0464")
MEANT = {"handshake.test.mjs": [pytest.mark.log("AH02039")], "strict.test.mjs": [pytest.mark.log("RA041[12]")]}
# No test: the pictures of the README, taken where RA_SCREENSHOTS names a folder.
PICTURES = "screenshots.test.mjs"


def discovered():
    files = [file for file in sorted(HERE.glob("*.test.mjs")) if file.name != PICTURES or os.environ.get("RA_SCREENSHOTS")]
    return [pytest.param(file.name, name, id=f"{file.name.removesuffix('.test.mjs')}:{name}", marks=[ANYWHERE, *MEANT.get(file.name, ())])
            for file in files for name in re.findall(r"^test\('([^']+)'", file.read_text("utf-8"), re.M)]


def settings(stack):
    """What the tests know of the instance."""
    people = {role: identity(name, stack.identity(role)) for role, (name, _) in seed.PEOPLE.items()}
    expired = stack.pki.client("expired", "王受理 (expired)", days=30, not_before=now() - 40 * DAY)
    foreign = stack.pki.client("foreign", "王受理 (foreign)", authority=Authority.make("别家CA (another CA)"))
    return {"urls": {host: stack.url(host) for host in ("public", "staff", "api", "ca_control")}, "people": people,
            "stranger": identity("陌生人", stack.pki.client("stranger", "陌生人 (stranger)")), "expired": identity("王受理", expired),
            "foreign": identity("王受理", foreign), "newcomer": identity("新系统", stack.pki.client("newcomer", "新系统 (newcomer)")),
            "leaver": identity("离岗", stack.pki.client("leaver", "离岗 (leaver)")),
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
    """Runs a file once. @return (name → None, or why it failed), all that it said, what was pressed"""
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

    run.done = done
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
    seen = told(folder, "failures.json", {})
    outcome = {name: None if verdict == "ok" else f"{failure_of(text, name)}\n{seen.get(name, '')}" for verdict, name, _ in RESULT.findall(text)}
    return outcome, text, told(folder, "pressed.json", ())


def told(folder, name, otherwise):
    """What support.mjs wrote down."""
    file = folder / name
    return json.loads(file.read_text("utf-8")) if file.exists() else otherwise


@pytest.fixture(scope="session")
def own_instances():
    return {}


def instance_of(request, file):
    if file not in INSTANCES:
        return request.getfixturevalue("stack")
    own, make_stack = (request.getfixturevalue(name) for name in ("own_instances", "make_stack"))
    if file not in own:
        own[file] = make_stack(file.split(".")[0], **INSTANCES[file])
    return own[file]


@pytest.fixture
def instance(request, file):
    """The shared instance or the file's own; a file leaves its log as clean as a test of the API does, but for what it means (MEANT)."""
    chosen = instance_of(request, file)
    log = chosen.httpd.error_log
    mark = log.mark()
    yield chosen
    left = log.unannounced(mark, request.node.iter_markers("log"))
    assert not left, show(left)


@pytest.mark.parametrize("file, name", discovered())
def test_page(request, results, instance, file, name):
    chosen = [item.callspec.params["name"] for item in request.session.items
              if getattr(item, "callspec", None) and item.callspec.params.get("file") == file]
    outcome, text, _ = results(instance, file, chosen)
    assert name in outcome, f"{file} did not come to this test:\n{text[-4000:]}"
    assert outcome[name] is None, outcome[name]


def failure_of(text, name):
    """The part of the TAP output about one test, to the next one."""
    begin = text.index(f"- {name}\n")
    end = text.find("\n# Subtest: ", begin)
    return text[begin:] if end < 0 else text[begin:end]


def given_names(sources, *tags):
    """The names that pages give the forms of these tags."""
    given = [one for tag in tags for words in re.findall(rf"<{tag}\b((?:[^>\"]|\"[^\"]*\")*)>", sources) for one in GIVEN.findall(words)]
    return {name for bound, words in given for name in (re.findall(r"'([^']+)'", words) if bound else [words])}


def names_of(words, forms):
    """The names that the attributes of a tag give it, as patterns: what is put together at run time stands for any, of a form for those given."""
    bound, name = NAME.search(words).groups()
    for plain, template in re.findall(r"'([^']+)'|`([^`]+)`", name) if bound else [(name, "")]:
        if re.search(r"\$\{(name|step)\}", template) and forms:
            yield from (re.escape(re.sub(r"\$\{\w+\}", one, template)) for one in forms)
        else:
            yield re.sub(r"\\\$\\\{.*?\\\}", ".+", re.escape(plain or template))


def buttons():
    """(file, what it is, the pattern of its name or None when it has none) of every button of the pages."""
    files = {file.name: file.read_text("utf-8") for file in sorted((SOURCES / "htdocs" / "src").rglob("*.vue"))}
    sources = "".join(files.values())
    steps = re.findall(r"^  (\w+): \{$", (SOURCES / "htdocs/src/console/steps.ts").read_text("utf-8"), re.M)
    forms = {"CreateForm.vue": given_names(sources, "CreateForm"), "FormDialog.vue": given_names(sources, "FormDialog", "SettleDialog"),
             "StepPanel.vue": set(steps)}
    for file, text in files.items():
        for tag, words in [*BUTTON.findall(text), *LINK.findall(text)]:
            for name in names_of(words, forms.get(file)) if NAME.search(words) else (None,):
                yield file, tag, name


def test_each_button_of_the_pages_has_a_name_of_its_own():
    found = list(buttons())
    assert len(found) > 60 and [(file, tag) for file, tag, name in found if not name] == []
    places = {name: {file for file, _, other in found if other == name} for _, _, name in found}
    assert {name: files for name, files in places.items() if len(files) > 1 and "+" not in name} == {}


def test_each_button_of_the_pages_is_pressed(request, results):
    ran = [item for item in request.session.items if "name" in getattr(getattr(item, "callspec", None), "params", ())]
    if len(ran) < len(discovered()):
        pytest.skip("it counts what the whole ring has pressed")
    pressed = {name for _, _, names in results.done.values() for name in names}
    never = sorted({f"{name} ({file})" for file, _, name in buttons() if not any(re.fullmatch(name, one) for one in pressed)})
    assert never == []
