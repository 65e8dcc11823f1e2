"""`python -m slack_sandbox`."""

from __future__ import annotations

import sys

from slack_sandbox.cli import main

sys.exit(main())
