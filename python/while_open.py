"""Runs a module as `python -m` does, until standard input is closed: while_open.py MODULE ARGUMENT...

The parent holds the other end of that pipe, and the system closes it however the parent ends. So
a server ends tidily, and its kernels with it, even where the parent is killed.
"""

import os
import runpy
import signal
import sys
import threading


def end(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def watch() -> None:
    while os.read(0, 4096):
        pass
    end()


# A closed terminal must not end the server at once: its kernels would go on.
signal.signal(signal.SIGHUP, end)
threading.Thread(target=watch, daemon=True).start()
# The module finds its arguments and its neighbours where `python -m` puts them.
del sys.argv[0], sys.path[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
