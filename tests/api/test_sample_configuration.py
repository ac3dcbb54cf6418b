"""conf/ra.conf is what an operator starts from: httpd takes it with nothing but paths changed, and it explains every directive."""
import re

import pytest

from harness.shipped import with_paths


@pytest.fixture
def sample(stack):
    return (stack.source / "conf" / "ra.conf").read_text("utf-8")


def test_sample_passes_configtest(stack, sample, httpd_config, tmp_path):
    code, output = httpd_config(with_paths(sample, stack, tmp_path))
    assert (code, output.strip()) == (0, "Syntax OK")


@pytest.mark.parametrize("name, id_of_line", [("ra.keys", "RA0704"), ("audit.key", "RA0712"), ("upstream-chain.pem", "RA0706"), ("ra-signer.key", "RA0706")])
def test_file_that_is_missing_is_named_before_a_reload_meets_it(stack, sample, httpd_config, tmp_path, name, id_of_line):
    text = with_paths(sample.replace(f"/etc/mod_ra/{name}", f"/nowhere/{name}"), stack, tmp_path)
    code, output = httpd_config(text)
    assert code == 1 and f"{id_of_line}: /nowhere/{name}: " in output


def test_sample_explains_every_directive(stack, sample, httpd_config):
    _, listing = httpd_config("", "-L")
    directives = {name for name in re.findall(r"^(RA[A-Z]\w+) \(", listing, re.M) if not name.startswith("RATest")}  # of test builds only
    assert len(directives) > 20
    mentioned = set(re.findall(r"^\s*#?(RA[A-Z]\w+) ", sample, re.M))
    assert directives - mentioned == set()
    assert mentioned - directives == set()


def test_sample_serves_the_pages_as_every_test_of_a_browser_has_them(stack, sample):
    """Headers, types and compression of the two folders; only the tests have no table of types from Debian."""
    def served(text, folder):
        blocks = re.findall(rf'<Directory "{folder}(/assets)?">\n(.*?)</Directory>', text, re.S)
        return {part: [line.strip() for line in lines.splitlines() if not re.match(r"\s*(#|AddType text/html )", line)] for part, lines in blocks}

    shipped = served(sample, "/usr/share/mod_ra/htdocs")
    assert set(shipped) == {"", "/assets"} and shipped == served((stack.source / "conf" / "quickstart.conf.in").read_text("utf-8"), "@STATE@/httpd/www")
