"""The command line, one file a command.

It refuses to do the work itself: it reads settings, calls the rooms below and says what happened.
"""
