"""The classic helper of exaBGP, with both of its queues.

Messages of to-exabgp, a command or several, go to exaBGP as they are. Routes of
IPv4 unicast that exaBGP has received go to from-exabgp, one a message; its
answers, done and error, go nowhere. pika's connections are not for two threads,
so each has its own.
"""

import json
import os
import sys
import threading

import pika

UNICAST = "ipv4 unicast"


def connect(queue):
    parameters = pika.URLParameters(sys.argv[1])
    parameters.heartbeat = 0  # nobody answers them while a thread waits for exaBGP
    channel = pika.BlockingConnection(parameters).channel()
    channel.queue_declare(queue=queue)
    return channel


def command(channel, method, properties, body):
    sys.stdout.write(body.decode().rstrip("\n") + "\n")
    sys.stdout.flush()


def commands():
    try:
        channel = connect("to-exabgp")
        channel.basic_consume(queue="to-exabgp", on_message_callback=command, auto_ack=True)
        channel.start_consuming()
    finally:
        os._exit(1)  # exaBGP starts it again


def routes(event):
    """The received routes of one event, as the classic texts."""
    if event.get("type") != "update" or event["neighbor"].get("direction") != "receive":
        return
    update = event["neighbor"]["message"].get("update", {})  # an End-of-RIB has none
    for route in update.get("withdraw", {}).get(UNICAST, []):
        yield "withdraw " + route["nlri"]
    for hop in update.get("announce", {}).get(UNICAST, {}).values():
        for route in hop:
            yield "announce " + route["nlri"]


threading.Thread(target=commands, daemon=True).start()
channel = connect("from-exabgp")
for line in sys.stdin:
    if line.startswith("{"):
        for text in routes(json.loads(line)):
            channel.basic_publish(exchange="", routing_key="from-exabgp", body=text)
