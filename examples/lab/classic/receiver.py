"""The classic receiver: prints every route that exaBGP has received.

It acknowledges what it has not printed yet, so what it holds when it ends is
lost.
"""

import sys

import pika


def show(channel, method, properties, body):
    print("[recv]" + body.decode(), flush=True)


connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
channel.queue_declare(queue="from-exabgp")
channel.basic_consume(queue="from-exabgp", on_message_callback=show, auto_ack=True)
channel.start_consuming()
