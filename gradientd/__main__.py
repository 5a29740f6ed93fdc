"""The console script: patches gevent before anything else is imported, then hands over to the command line.

It refuses to hold any logic of its own.
"""

import os
import signal
import sys


def _end(number: int, _: object) -> None:
    os._exit(128 + number)


# PID 1 of a container survives a signal that it does not handle: until a worker listens, SIGTERM ends it at once.
# So does Ctrl-C until the command line is there, which catches KeyboardInterrupt.
signal.signal(signal.SIGTERM, _end)
interrupt = signal.signal(signal.SIGINT, _end)

from gevent import monkey  # noqa: E402 - the signals are handled first

monkey.patch_all()

from gradientd.cli.main import main  # noqa: E402 - nothing of ours may be imported before the patch

signal.signal(signal.SIGINT, interrupt)

if __name__ == "__main__":
    sys.exit(main())
