import fakeredis

from benchmarks.backlog import fill


def test_ids_that_top_a_queue_up_are_all_different() -> None:
    """Rounded to 14 digits they were one ID, whose copies cost a worker next to nothing."""
    client = fakeredis.FakeRedis(decode_responses=True)
    first = 1_764_131_000_000_000
    fill(client, "JOBID", 5, first)
    assert client.lrange("gradient:queue", 0, -1) == [f"fill-{first + number}" for number in range(5)]
    assert client.get(f"gradient:job:fill-{first}") == f"fill-{first}"
