"""Bytes in, Gradient out.

It refuses to know Redis, S3 or gevent: a caller who must not block runs it in a thread.
"""
