"""The programs that the integration tests run, and Debian's packages of them.

``python -m tests.integration.programs`` ends with an error that names the missing ones.
"""

import shutil
import sys

from tools.soak.postgresql import find_binaries

PACKAGES = {
    "chromedriver": "chromium-driver",
    "chromium": "chromium",
    "curl": "curl",
    "initdb": "postgresql",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "redis-server": "redis-server",
    "systemd-analyze": "systemd",
    "varnishd": "varnish",
}


def find_missing() -> list[str]:
    """Return the programs that are neither in ``PATH`` nor where Debian puts them."""
    # Debian has PostgreSQL's outside of any PATH.
    found = {"initdb"} if find_binaries() else set()
    return [name for name in PACKAGES if name not in found and not shutil.which(name)]


def main() -> None:
    """Run the command."""
    if missing := find_missing():
        packages = " ".join(PACKAGES[name] for name in missing)
        sys.exit(
            f"These programs are missing: {', '.join(missing)}. On Debian:\n"
            f"    apt-get install --no-install-recommends {packages}\n"
            "The tests that need none of them: make test"
        )


if __name__ == "__main__":
    main()
