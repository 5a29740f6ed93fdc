"""Many small jobs through one process: what it has in its hands at the end is what it had when it was warm."""
