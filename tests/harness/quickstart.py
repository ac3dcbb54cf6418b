"""The commands of ./quickstart after the packages are there (see that file)."""
import argparse
import os
import pathlib
import subprocess
import sys
import time
import urllib.parse

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))
from harness import main_job, process, seed  # noqa: E402
from harness.build import Build  # noqa: E402
from harness.client import Unexpected  # noqa: E402
from harness.pki import P12_PASSWORD  # noqa: E402
from harness.stack import Stack, give_to_owner, state_folder, stop_services  # noqa: E402

SOURCE = TESTS.parent
RUN = SOURCE / "run"
NAME = "quickstart"
BEGIN = time.monotonic()


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def make(folder, options=(), targets=()):
    """Configures (when that has changed) and makes a build folder. @return the Build"""
    begin = time.monotonic()
    folder.mkdir(exist_ok=True)
    wanted = " ".join(options)
    stamp = folder / ".configured-with"
    log = folder / "quickstart.log"
    with open(log, "wb") as output:
        if not (folder / "Makefile").exists() or not stamp.exists() or stamp.read_text() != wanted:
            command(["../configure", *options], folder, output)
            stamp.write_text(wanted)
        command(["make", f"-j{os.cpu_count() or 1}", *targets], folder, output)
    give_to_owner(folder)
    say(f"built {folder.name}/ ({time.monotonic() - begin:.1f} s)")
    return Build(folder)


def command(words, folder, output):
    if subprocess.run(words, cwd=folder, stdout=output, stderr=subprocess.STDOUT).returncode:
        output.flush()
        tail = "\n".join(pathlib.Path(output.name).read_text("utf-8", "replace").splitlines()[-30:])
        raise process.Failed(f"{' '.join(words)} failed in {folder}:\n{tail}")


def start(fresh):
    stack = Stack(make(SOURCE / "build"), NAME, settings={"CRL_SECONDS": 60}, say=say)
    if stack.stop():
        say("stopped the instance of an earlier start")
    if fresh:
        stack.wipe()
    try:
        stack.start()
        stack.publish(RUN)
        say("main job: an organisation's certificate")
        job = main_job.Job(stack, lambda step, text: say(f"  {step:<12} {text}")).run()
        subject, serial, verdict = job.verify()
    except BaseException:
        stack.stop()
        raise
    print(f"""
certificate subject  {subject}
certificate serial   {serial}
openssl verify       {verdict}

portal    {stack.url('public')}/#/status?subject={urllib.parse.quote(job.name)}
console   {stack.url('staff')}/                    (needs a person's certificate, see below)
systems   {stack.url('api')}/api/v1/me             (run/pki/system.crt)
CMP       {stack.cmp_url}
metrics   {stack.url('internal')}/metrics
logs      run/log/

To open the console as a person, import into the browser: run/pki/<role>.p12 (password "{P12_PASSWORD}"; roles: {' '.join(seed.PEOPLE)})
and run/pki/root.pem as an authority for web sites; then close the browser, open the console's address and choose the certificate.
  Firefox: Settings > Privacy & Security > Certificates > View Certificates > Your Certificates > Import, and Authorities > Import
  Chromium: chrome://certificate-manager > Your certificates > Import; or  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n ra -i run/pki/root.pem
            and  pk12util -d sql:$HOME/.pki/nssdb -i run/pki/acceptor.p12 -W {P12_PASSWORD}   (package libnss3-tools)

The services are running; `. run/env` has their addresses, `./quickstart stop` ends them.
ready in {time.monotonic() - BEGIN:.0f} s""")


def stop():
    print("stopped" if stop_services(state_folder(SOURCE, NAME)) else "nothing of this account is running")
    return 0


def main():
    parser = argparse.ArgumentParser(prog="quickstart")
    parser.add_argument("command", nargs="?", choices=("check", "stop"))
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    os.umask(0o022)
    try:
        if options.command == "stop":
            return stop()
        if options.command == "check":
            from harness import check
            return check.run(SOURCE, make, say)
        start(options.fresh)
        return 0
    except (process.Failed, Unexpected) as failure:
        print(f"quickstart: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
