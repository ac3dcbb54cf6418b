"""What a build folder says about itself: the variables that configure wrote, and the products."""
import functools
import pathlib
import re
import subprocess

from .process import Failed


class Build:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        makefile = self.folder / "Makefile"
        if not makefile.exists():
            raise Failed(f"{self.folder} is not configured: run configure there")
        self.variables = dict(re.findall(r"^(\w+) = (.*)$", makefile.read_text("utf-8"), re.M))
        self.source = (self.folder / self.variables["srcdir"]).resolve()
        self.products = self.folder / self.variables["out"].strip()

    @property
    def httpd(self):
        return self.variables["HTTPD"]

    @property
    def httpd_modules(self):
        return self.variables["HTTPD_MODULES"]

    @property
    def is_test_build(self):
        return self.variables["TEST_BUILD"] == "yes"

    @property
    def has_sanitizers(self):
        return self.variables["SANITIZERS"] == "yes"

    def product(self, name):
        path = self.products / name
        if not path.exists():
            raise Failed(f"{path} is missing: run make in {self.folder}")
        return path

    @property
    def web(self):
        """The folder of the built web UI; None in a build without it."""
        folder = self.products / "web" / "dist"
        return folder if (folder / "index.html").exists() else None

    @functools.cached_property
    def environment(self):
        """What a process needs that loads the module: a sanitizer has to be there before everything else."""
        if not self.has_sanitizers:
            return {}
        compiler = self.variables["CC"].split()
        name = "libclang_rt.asan-x86_64.so" if "clang" in compiler[0] else "libasan.so"
        library = subprocess.run([*compiler, f"-print-file-name={name}"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        return {"LD_PRELOAD": str(pathlib.Path(library).resolve()),
                "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
