"""The classic helper: copies what comes over the queue to exaBGP, a line each.

exaBGP answers every command on this process's stdin. A helper that leaves the
answers there blocks exaBGP after some 13,000 routes (exabgp issue 932), so a
thread reads them and throws them away, as careful ones did.
"""

import sys
import threading

import pika


def drain():
    for _ in sys.stdin:
        pass


def copy(channel, method, properties, body):
    sys.stdout.write(body.decode() + "\n")
    sys.stdout.flush()


threading.Thread(target=drain, daemon=True).start()
connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
channel.queue_declare(queue="to-exabgp")
channel.basic_consume(queue="to-exabgp", on_message_callback=copy, auto_ack=True)
channel.start_consuming()
