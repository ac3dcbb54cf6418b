"""Production by a CMP client of another make: Bouncy Castle, where a JDK and Debian's libbcpkix-java are there (RA_JAVA: their folder of jars)."""
import os
import pathlib
import shutil
import subprocess

import pytest

JARS = pathlib.Path(os.environ.get("RA_JAVA", "/usr/share/java"))
PATH = [JARS / f"{name}.jar" for name in ("bcpkix", "bcprov", "bcutil")]
SOURCE = pathlib.Path(__file__).parent / "clients" / "BouncyCastle.java"
IP, CP, PKICONF, ERROR = 1, 3, 19, 23
SECONDS = 120

pytestmark = pytest.mark.skipif(not shutil.which("javac") or not all(jar.exists() for jar in PATH), reason="needs default-jdk-headless and libbcpkix-java")


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-nowarn", "-Xlint:-deprecation", "-d", folder, "-cp", ":".join(map(str, PATH)), SOURCE], check=True, timeout=SECONDS,
                   stderr=subprocess.DEVNULL)
    return folder


@pytest.fixture
def ask(ra, classes):
    """Runs the client with a case's codes. @return what it said, (word, value) each"""
    def run(case, **options):
        settings = {"url": f"https://localhost:{ra.stack.ports['public']}/.well-known/cmp/p/ra", "trust": ra.stack.pki.root_file,
                    "ref": case.codes["reference_code"], "secret": case.codes["authorisation_code"], "body": "ir", "confirm": "explicit",
                    "key": "ec", "owf": "sha256", "count": 1000, **options}
        words = ["java", "-cp", ":".join(map(str, [*PATH, classes])), "BouncyCastle", *(f"{name}={value}" for name, value in settings.items())]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
        return [tuple(line.split(" ", 1)) for line in done.stdout.decode("utf-8", "replace").splitlines()]

    return run


@pytest.mark.parametrize("options, bodies", [
    ({}, [IP, PKICONF]),
    ({"key": "rsa", "body": "cr", "confirm": "implicit", "owf": "sha1"}, [CP]),
    ({"body": "cr", "confirm": "implicit", "count": 10000}, [CP]),
    ({"key": "rsa"}, [IP, PKICONF]),
])
def test_it_gets_the_certificate(ra, ask, options, bodies):
    case = ra.case("coded")
    said = ask(case, **options)
    assert [int(value) for word, value in said if word == "body"] == bodies, said
    assert {value for word, value in said if word in ("mac", "nonce", "key")} == {"true"}, said
    assert case.read()["state"] == "awaiting_handover"
    certificate = ra.staff("auditor").get(f"/certificates/{case.application['certificate_id']}").json()
    assert certificate["serial"].lstrip("0") == dict(said)["serial"].lstrip("0")


def test_a_wrong_code_is_refused_without_material_for_guessing(ra, ask):
    case = ra.case("coded")
    said = ask(case, secret="AAAA-BBBB-CCCC-DDDD")
    assert ("body", str(ERROR)) in said and ("mac", "false") in said, said
    assert case.read()["state"] == "awaiting_production"
