"""The classic sender: publishes the lines of a file, each as one message.

It says at what time it began, so that neither the start of Python nor the
connection counts against it.
"""

import sys
import time

import pika

with open(sys.argv[2]) as lines:
    commands = lines.read().splitlines()
connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
while channel.queue_declare(queue="to-exabgp").method.consumer_count == 0:
    connection.process_data_events(time_limit=0.02)  # the helper is still starting
print("begins at %d" % time.time_ns(), flush=True)
for command in commands:
    channel.basic_publish(exchange="", routing_key="to-exabgp", body=command)
connection.close()
print("published", flush=True)
