"""A second httpd over the database, the development CA and the secrets of an instance: what two machines behind a load balancer are."""
from . import process
from .httpd import Httpd

HOSTS = ("public", "staff", "api", "internal")


class Twin:
    """Use it as a context manager; it ends before the instance that it belongs to."""

    def __init__(self, stack):
        self.stack = stack
        self.state = stack.state / "twin"
        self.ports = process.choose_ports(dict.fromkeys(HOSTS, 0))
        self.httpd = Httpd(stack.build, self.state, stack.source / "conf" / "quickstart.conf.in", {})

    def __enter__(self):
        process.make_folder(self.state)
        secrets = self.state / "secrets"
        if not secrets.is_symlink():
            secrets.symlink_to(self.stack.state / "secrets")
        self.httpd.configure(**{**self.stack.httpd.values, "STATE": self.state, **{f"PORT_{host.upper()}": self.ports[host] for host in HOSTS}})
        self.httpd.start()
        return self

    def __exit__(self, *_):
        self.httpd.kill()
