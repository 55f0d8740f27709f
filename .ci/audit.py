"""Ask pip-audit for known vulnerabilities of all that is installed beside it.

A vulnerability that is found is an error. A service that can't be asked is none: CI may
run where there is no way out. It is told then that nothing was asked.
"""

import json
import subprocess
import sys
from typing import Any

SERVICES = ("pypi", "osv")
"""PyPI's own advisories, else those of https://osv.dev."""


def report(service: str) -> list[dict[str, Any]] | None:
    """Return a service's answer for each distribution; ``None`` if it can't be asked.

    Where it only has some of them, the others have a ``skip_reason``.
    """
    command = [sys.executable, "-m", "pip_audit", "--skip-editable"]
    options = ["--progress-spinner", "off", "--timeout", "15"]
    done = subprocess.run(
        [*command, *options, "--format", "json", "--vulnerability-service", service],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"{service}: {''.join(done.stderr.strip().splitlines()[-1:])}")
        return None
    # A mirror of an index has the distributions, and may know nothing about any.
    return found if any("vulns" in each for each in found) else None


def main() -> int:
    """Ask, print what was found, and give the exit code."""
    for service in SERVICES:
        found = report(service)
        if found is None:
            print(f"{service}: no answer")
            continue
        asked = [each for each in found if "vulns" in each]
        print(f"{service}: asked for {len(asked)} distributions of {len(found)}")
        vulnerable = [each for each in asked if each["vulns"]]
        for each in vulnerable:
            ids = ", ".join(vulnerability["id"] for vulnerability in each["vulns"])
            print(f"{each['name']} {each['version']} is vulnerable: {ids}")
        return 1 if vulnerable else 0
    print("NOT AUDITED: no service for vulnerabilities could be asked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
