"""Loaded by pytest before anything else (see setup.cfg): the suite runs as the worker does, patched by gevent."""

from gevent import monkey

monkey.patch_all()
