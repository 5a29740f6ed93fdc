"""Random faults on real servers, and a checker that finds what was lost, stuck or stolen: `python -m tests.chaos`."""
