"""`gradientd resume`: the end of a pause.

It refuses to start workers: those that run notice it by themselves.
"""

from __future__ import annotations

import argparse

from gradientd.cli.connection import open_queue
from gradientd.cli.exits import Exit
from gradientd.cli.wording import plural


def run(arguments: argparse.Namespace) -> int:
    """Resume the queue and say what is waiting."""
    queue = open_queue()
    try:
        was_paused = queue.is_paused()
        queue.resume()
        waiting = queue.lengths().queue
    finally:
        queue.close()
    print("Resumed: the fleet takes jobs again." if was_paused else "The queue was not paused.")
    print(f"{plural(waiting, 'job')} in the queue.")
    return Exit.DONE
