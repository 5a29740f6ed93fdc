"""The Redis protocol: every key, every script, every connection.

It refuses to know pictures and storage; it is the only importer of redis.
"""
