"""The console script: patches gevent before anything else is imported, then hands over to the command line.

It refuses to hold any logic of its own.
"""

import os
import signal
import sys

# PID 1 of a container survives a signal that it does not handle: until a worker listens, SIGTERM ends it at once.
signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))

from gevent import monkey  # noqa: E402 - the signal is handled first

monkey.patch_all()

from gradientd.cli.main import main  # noqa: E402 - nothing of ours may be imported before the patch

if __name__ == "__main__":
    sys.exit(main())
