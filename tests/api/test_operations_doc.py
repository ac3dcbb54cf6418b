"""docs/operations.md is what an operator has at night: it names every directive and every id of the log, and none that is not there."""
import re

import pytest

ID = r"\bRA0\d{3}\b"


@pytest.fixture(scope="module")
def document(stack):
    return (stack.source / "docs" / "operations.md").read_text("utf-8")


def test_every_directive_has_its_line(stack, document, httpd_config):
    _, listing = httpd_config("", "-L")
    directives = {name for name in re.findall(r"^(RA[A-Z]\w+) \(", listing, re.M) if not name.startswith("RATest")}  # of test builds only
    assert len(directives) > 20
    assert set(re.findall(r"^\| `(RA[A-Z]\w+)\b", document, re.M)) == directives


def test_every_id_of_the_log_is_explained(stack, document):
    sources = [path.read_text("utf-8") for path in (stack.source / "mod_ra").rglob("*.[ch]")]
    written = {one for text in sources for one in re.findall(ID, text)}
    assert len(written) > 30
    assert set(re.findall(ID, document)) == written
