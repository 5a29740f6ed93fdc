"""The hall where imaging, jobqueue and storage meet.

It refuses to speak Redis, S3 or libvips itself: the rooms below do.
"""

from gradientd.worker.stats import WorkerStats
from gradientd.worker.worker import GradientWorker

__all__ = ["GradientWorker", "WorkerStats"]
