"""The console script: patches gevent before anything else is imported, then hands over to the command line.

It refuses to hold any logic of its own.
"""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402 - nothing may be imported before the patch

from gradientd.cli.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
