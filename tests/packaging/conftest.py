"""What is installed or supervised gets the real servers that tests/real has."""

from tests.real.conftest import bench

__all__ = ["bench"]
