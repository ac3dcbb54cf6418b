"""Runs unit test programs and prints one line each; the whole output only of those that fail.

A test whose source includes store_fixture.h, or says `needs: database`, runs with a private MariaDB (with_mariadb).
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

TIME_LIMIT = 120
HERE = pathlib.Path(__file__).resolve().parent


def needs_database(source):
    text = source.read_text("utf-8") if source.exists() else ""
    return re.search(r'needs: database|RA_TEST_DB_SOCKET|#include "store_fixture\.h"', text) is not None


def run(program, source_root):
    source = source_root / "tests" / "unit" / (program.name + ".c")
    command = [str(program.resolve())]
    if needs_database(source):
        wrapper = HERE / "with_mariadb"
        if not wrapper.exists():
            return None, "tests/harness/with_mariadb is missing"
        command = [str(wrapper), *command]
    environment = dict(os.environ, RA_SRCDIR=str(source_root.resolve()), ASAN_OPTIONS="detect_leaks=0:abort_on_error=0")
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIME_LIMIT)
        return done.returncode, done.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as late:
        return 124, f"{late.output or ''}\nno end after {TIME_LIMIT} s"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("programs", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    failed = tests = 0
    for program in options.programs:
        begin = time.monotonic()
        code, output = run(program, options.source)
        count = sum(int(number) for number in re.findall(r"\[  PASSED  \] (\d+) test", output))
        tests += count
        verdict = "failed" if code else "skipped" if code is None else "passed"
        print(f"  TEST    {program.name}: {verdict} ({count} tests, {time.monotonic() - begin:.1f} s)", flush=True)
        if verdict != "passed":
            failed += 1
            print(output)
    print(f"  TEST    {len(options.programs)} programs, {tests} tests passed, {failed} programs failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
