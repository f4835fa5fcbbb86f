#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: hostile.py KIND SOCKET: a client that means ill, until it is killed.
It says "ready" when it is at it."""

import os
import random
import resource
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import wire  # noqa: E402


def say_ready():
    print("ready", flush=True)


def garbage(path):
    """Bytes of every length, with and without our magic, again and again."""
    draw = random.Random(1)
    say_ready()
    while True:
        try:
            with wire.connect(path) as sock:
                if draw.random() < 0.5:
                    sock.send(wire.hello())
                    sock.recv(20000)
                body = draw.randbytes(draw.randrange(1, 20000))
                if draw.random() < 0.5:
                    body = wire.message(draw.randrange(5), body[:2000],
                                        extra=draw.choice([0, 0, 1, -1]))
                sock.send(body)
                sock.recv(20000)
        except OSError:
            pass


def many(path):
    """A thousand connections, held; those that are refused come again."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    held = [wire.connect(path) for _ in range(1000)]
    say_ready()
    while True:
        for i, sock in enumerate(held):
            sock.close()
            held[i] = wire.connect(path)


def stuck(path):
    """Asks for the longest replies and takes none of them."""
    socks = [wire.connect(path) for _ in range(100)]
    for sock in socks:
        sock.setblocking(False)
        sock.send(wire.hello())
    ready = False
    while True:
        for sock in socks:
            try:
                sock.send(wire.message(wire.DESCRIBE, b"\0" * 8))
            except OSError:
                pass
        if not ready:
            say_ready()
            ready = True
        time.sleep(0.001)


def half(path):
    """Connects and says a part of something, or nothing."""
    socks = []
    for i in range(200):
        sock = wire.connect(path)
        if i % 2:
            sock.send(wire.hello()[:-4])
        socks.append(sock)
    say_ready()
    while True:
        time.sleep(1)


def flood(path):
    """Readings as fast as they are answered, on many connections."""
    socks = [wire.connect(path) for _ in range(50)]
    for sock in socks:
        sock.setblocking(False)
        sock.send(wire.hello())
    say_ready()
    while True:
        for sock in socks:
            try:
                sock.send(wire.read([0, 1, 2]))
                while sock.recv(20000, socket.MSG_DONTWAIT):
                    pass
            except OSError:
                pass


KINDS = {f.__name__: f for f in (garbage, many, stuck, half, flood)}

if __name__ == "__main__":
    KINDS[sys.argv[1]](sys.argv[2])
