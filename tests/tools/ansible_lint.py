"""Runs ansible-lint with its ninety runs of ansible-playbook --syntax-check as forks: a quarter of the CPU time."""

import atexit
import os
import subprocess
import sys
import warnings
from pathlib import Path

from ansiblelint.__main__ import main

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

import forks

#: The same environment for all runs, as ansible-lint sets it for most: each environment needs its own forking process.
SAME = {
    "ANSIBLE_CONFIG": os.path.abspath("ansible.cfg"),
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "False",
    "PYTHONWARNINGS": "ignore",
}
command = subprocess.run


def run(argv, *rest, **options):
    if argv[0] != "ansible-playbook":
        return command(argv, *rest, **options)
    return forks.run(argv, options.get("cwd") or os.getcwd(), {**options["env"], **SAME}, timeout=600)


subprocess.run = run
atexit.register(forks._servers.clear)  # ends the process that forks
atexit.register(warnings.simplefilter, "ignore", ResourceWarning)
sys.exit(main(sys.argv))
