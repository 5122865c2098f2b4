"""As fast as this exaBGP takes routes: commands that were made beforehand.

Writes what comes out of a named pipe, each time that somebody opens it, and a
blank every half millisecond until as many answers came as there were commands,
which keeps exaBGP's loop awake. Events that exaBGP tells it of are dropped.
"""

import sys
import threading

came = threading.Semaphore(0)  # answers


def count():
    for line in sys.stdin:
        if line == "done\n":
            came.release()


threading.Thread(target=count, daemon=True).start()
while True:
    with open(sys.argv[1]) as pipe:
        text = pipe.read()
    sys.stdout.write(text)
    sys.stdout.flush()
    for _ in range(text.count("\n")):
        while not came.acquire(timeout=0.0005):
            sys.stdout.write(" ")
            sys.stdout.flush()
