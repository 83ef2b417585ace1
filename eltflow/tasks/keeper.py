"""Runs a program, and ends it with all that it started when whoever asked for it is gone. A script that imports nothing of eltflow:

    python -I -S keeper.py MEMORY_BYTES_OR_0 PROGRAM ARGUMENT ...

Standard input is held open by whoever asked; when it closes, the program's group gets SIGTERM, and SIGKILL ten seconds later. The exit code is
the program's; 127 if there is no such program, 126 if it may not be run, and 128 and its number if a signal ended it.
"""

import os
import resource
import select
import signal
import sys
import time

PATIENCE = 10.0
TICK = 0.05


def main() -> int:
    memory, program = int(sys.argv[1]), sys.argv[2:]
    held = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    child = os.fork()
    if not child:
        os.close(held)
        if memory:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        try:
            os.execvp(program[0], program)
        except FileNotFoundError:
            os._exit(127)
        except OSError:
            os._exit(126)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is sent to the group, of which this is one
    deadline = None
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if deadline is None:
            ready, _, _ = select.select([held], [], [], TICK)
            if ready and not os.read(held, 4096):
                os.killpg(0, signal.SIGTERM)
                deadline = time.monotonic() + PATIENCE
        elif time.monotonic() > deadline:
            os.killpg(0, signal.SIGKILL)
        else:
            time.sleep(TICK)


if __name__ == "__main__":
    sys.exit(main())
