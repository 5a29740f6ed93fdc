"""`gradientd pause`: the whole fleet takes no more jobs.

It refuses to stop what runs: jobs in work are finished.
"""

from __future__ import annotations

import argparse

from gradientd.cli.connection import open_queue
from gradientd.cli.exits import Exit
from gradientd.cli.wording import plural


def run(arguments: argparse.Namespace) -> int:
    """Pause the queue and say what is still in work."""
    queue = open_queue()
    try:
        was_paused = queue.is_paused()
        queue.pause()
        in_work = queue.count_leases().live
    finally:
        queue.close()
    print("The queue was paused already." if was_paused else "Paused: the fleet takes no more jobs.")
    if in_work:
        print(f"{plural(in_work, 'job')} in work will be finished.")
    return Exit.DONE
