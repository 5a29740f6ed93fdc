"""The bucket: one bounded GET a picture, a probe, put and list; every failure comes out as one of the error family.

It refuses to retry, to decide what a failure means for a job, and to look at what the bytes are.
"""

from gradientd.storage.body import Body, Buffer
from gradientd.storage.bucket import Storage

__all__ = ["Body", "Buffer", "Storage"]
