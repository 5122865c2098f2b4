"""As fast as this exaBGP takes routes: commands that were made beforehand.

Writes what comes out of a named pipe, and a blank every half millisecond until
as many answers came as there were commands, which keeps exaBGP's loop awake.
"""

import sys
import threading

every = threading.Event()  # set when all is answered


def count(commands):
    for line in sys.stdin:
        commands -= line == "done\n"
        if commands == 0:
            every.set()


with open(sys.argv[1]) as pipe:
    text = pipe.read()
threading.Thread(target=count, args=(text.count("\n"),), daemon=True).start()
sys.stdout.write(text)
sys.stdout.flush()
while not every.wait(0.0005):
    sys.stdout.write(" ")
    sys.stdout.flush()
threading.Event().wait()  # a helper that ends is started again
