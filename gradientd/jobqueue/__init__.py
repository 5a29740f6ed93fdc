"""The Redis protocol: every key, every script, every connection.

It refuses to know pictures and storage; it is the only importer of redis.
"""

from gradientd.jobqueue.audit import Audit
from gradientd.jobqueue.codes import Begun, Completion
from gradientd.jobqueue.connect import Connector, RedisClient
from gradientd.jobqueue.dead import DeadLetter, DeadLetters
from gradientd.jobqueue.fleet import HEAD_JOBS, Fleet, InWork, WorkerSeen
from gradientd.jobqueue.pace import Pace, measure_pace
from gradientd.jobqueue.queue import Queue
from gradientd.jobqueue.reap import Reaped
from gradientd.jobqueue.rights import OPTIONAL, forbidden_commands
from gradientd.jobqueue.server import ServerSeen, look_at_server
from gradientd.jobqueue.taken import Acquired, LeaseCount, Lengths, Promoted, Recent, Recovered, Taken
from gradientd.jobqueue.whereabouts import JobSeen, LeaseSeen, Locator, Searched, Whereabouts

__all__ = [
    "HEAD_JOBS",
    "OPTIONAL",
    "Acquired",
    "Audit",
    "Begun",
    "Completion",
    "Connector",
    "DeadLetter",
    "DeadLetters",
    "Fleet",
    "InWork",
    "JobSeen",
    "LeaseCount",
    "LeaseSeen",
    "Lengths",
    "Locator",
    "Pace",
    "Promoted",
    "Queue",
    "Reaped",
    "Recent",
    "Recovered",
    "RedisClient",
    "Searched",
    "ServerSeen",
    "Taken",
    "Whereabouts",
    "WorkerSeen",
    "forbidden_commands",
    "look_at_server",
    "measure_pace",
]
