"""The test bed's command line: ``python3 tests/testbed --help``."""

import sys
from pathlib import Path

if not __package__:
    # Run as a folder: make the package importable by its name, with the relative imports inside it.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from testbed.cli import main
else:
    from .cli import main

sys.exit(main())
