#!@BIN@/python
"""Stands in for the nats command where it is not installed: nats sub SUBJECT [--count=N]."""

import asyncio
import os
import sys

import nats


async def main(subject: str, count: int) -> None:
    """Print messages as the real command does, *count* of them, 0 for all."""
    client = await nats.connect(os.environ["NATS_URL"])
    subscription = await client.subscribe(subject)
    await client.flush()
    await client.flush()  # nats-py 2.16 writes the PING of the first one in front of the subscription
    print(f"Subscribing on {subject}", flush=True)
    number = 0
    async for message in subscription.messages:
        number += 1
        print(f'[#{number}] Received on "{message.subject}"', flush=True)
        sys.stdout.buffer.write(message.data + b"\n\n")
        sys.stdout.flush()
        if number == count:
            break
    await client.close()


arguments = sys.argv[1:]
counts = [int(text.partition("=")[2]) for text in arguments if text.startswith("--count=")]
if arguments[:1] != ["sub"]:
    sys.exit("this stand-in knows `nats sub` only")
asyncio.run(main(arguments[1], counts[0] if counts else 0))
