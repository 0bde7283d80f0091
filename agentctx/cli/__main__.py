"""`python -m agentctx.cli`."""

import sys

from agentctx.cli import main

sys.exit(main())
