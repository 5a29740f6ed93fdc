"""The yardstick's program: `python -m benchmarks.bare GREENLETS`; 0 for plain Python, one after the other.

It refuses to import anything before gevent has patched, where it is to patch.
"""

import sys

GREENLETS = int(sys.argv[1])

if GREENLETS:
    from gevent import monkey

    monkey.patch_all()

from collections.abc import Callable, Sequence

from benchmarks.yardstick import serve


def _each(function: Callable[[str], object], keys: Sequence[str]) -> None:
    if GREENLETS:
        from gevent.pool import Pool

        for _ in Pool(GREENLETS).imap_unordered(function, keys):
            pass
    else:
        for key in keys:
            function(key)


if __name__ == "__main__":
    serve(_each)
