"""docs/integration.md as it stands: its sh blocks run in order in one shell, and print what their `# → …` comments promise."""
import pathlib
import re
import shutil
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENT = SOURCE / "docs" / "integration.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
EXPECTATION = re.compile(r"# → (.*)$", re.M)
MARK = "=== block"
SECONDS = 120


def blocks():
    return BLOCK.findall(DOCUMENT.read_text("utf-8"))


def script(texts):
    """One shell for all blocks, since a later one uses what an earlier one has set; it ends at the first failure."""
    return "set -eu\n" + "".join(f"echo '{MARK} {number}'\n{text}\n" for number, text in enumerate(texts, 1))


def missing(expected, printed):
    """The first expected line that is not printed after the ones before it; None when all are there."""
    rest = iter(printed)
    return next((line for line in expected if line not in rest), None)


@pytest.fixture(scope="module")
def outputs(make_stack, tmp_path_factory):
    """What each block printed, by the run/env of a fresh instance: the page takes the newest agency for the reader's own."""
    for program in ("curl", "openssl"):
        assert shutil.which(program), f"{program} is missing; on Debian: apt install {program}"
    folder = tmp_path_factory.mktemp("reader")
    stack = make_stack("reader")
    stack.publish(folder / "run")
    done = subprocess.run(["sh"], input=script(blocks()).encode(), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, text[-4000:]
    return [part.splitlines()[1:] for part in re.split(f"^{MARK} ", text, flags=re.M)[1:]]


def test_a_reader_can_run_every_block(outputs):
    assert len(outputs) == len(blocks()) > 10


@pytest.mark.parametrize("number", range(len(blocks())))
def test_a_block_prints_what_it_promises(outputs, number):
    expected = [line.strip() for line in EXPECTATION.findall(blocks()[number])]
    printed = [line.strip() for line in outputs[number]]
    assert missing(expected, printed) is None, "\n".join(["expected:", *expected, "printed:", *printed])


def test_expectations_are_found_only_in_their_order():
    assert missing(["1", "2"], ["1", "x", "2"]) is None
    assert missing(["2", "1"], ["1", "2"]) == "1"
