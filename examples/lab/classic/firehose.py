"""Prints the type and the size of every message that is published at a broker
whose firehose is on: https://www.rabbitmq.com/docs/firehose.
"""

import sys

import pika


def show(channel, method, properties, body):
    kind = properties.headers["properties"].get("type", "-")
    print("message", kind, len(body), flush=True)


connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
queue = channel.queue_declare(queue="", exclusive=True, auto_delete=True).method.queue
channel.queue_bind(queue, "amq.rabbitmq.trace", "publish.#")
channel.basic_consume(queue, show, auto_ack=True)
print("listening", flush=True)
channel.start_consuming()
