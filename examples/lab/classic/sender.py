"""The classic sender: publishes every line of its input as one command.

It is told nothing back: what it prints no error for may still be refused.
"""

import sys

import pika

connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
channel.queue_declare(queue="to-exabgp")
for line in sys.stdin:
    channel.basic_publish(exchange="", routing_key="to-exabgp", body=line.rstrip("\n"))
connection.close()
