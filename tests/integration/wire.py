# SPDX-License-Identifier: Apache-2.0
"""A client of the broker, written after docs/reference/protocol.md alone."""

import socket
import struct
import time

MAGIC = 0x5057424A
HELLO, DESCRIBE, READ = 1, 2, 3
ERROR, WELCOME, SENSORS, SAMPLES = 0x8000, 0x8001, 0x8002, 0x8003
HEAD = struct.Struct("=IHHII")
SAMPLE = struct.Struct("=QQQQIiII")
SENSOR_BYTES = 904
OK, ELIMIT, EBUSY = 0, -7, -11


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


def message(kind, body, tag=1, magic=MAGIC, extra=0):
    """A message; `extra` is a lie about its length."""
    return HEAD.pack(magic, kind, 0, HEAD.size + len(body) + extra,
                     tag) + body


def hello(tag=1):
    return message(HELLO, struct.pack("=HHI", 1, 1, 0), tag)


def read(which, tag=1):
    return message(
        READ, struct.pack(f"=II{len(which)}I", len(which), 0, *which), tag)


def text(data):
    return data.partition(b"\0")[0].decode("ascii", "replace")


def connect(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # Blocking, so that the kernel queues it behind the others that connect.
    for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("=qq", 5, 0))
    sock.connect(path)
    return sock


class Client:
    def __init__(self, path):
        self.sock = connect(path)
        self.tag = 0
        body = self.ask(hello, WELCOME)
        (self.version, _, self.count, self.digest, self.now_ns, self.features,
         self.rate) = struct.unpack_from("=HHIQQII", body)
        self.root = text(body[32:])

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.sock.close()

    def ask(self, make, want):
        self.tag += 1
        self.sock.send(make(tag=self.tag))
        data = self.sock.recv(16385)
        if not data:
            raise EOFError("the broker hung up")
        magic, kind, _, length, tag = HEAD.unpack_from(data)
        assert magic == MAGIC and length == len(data), data[:16]
        if kind == ERROR:
            status, _ = struct.unpack_from("=iI", data, 16)
            raise Refused(status, text(data[24:264]))
        assert kind == want and tag == self.tag, (kind, tag)
        return data[16:]

    def names(self):
        names = []
        while len(names) < self.count:
            first = len(names)
            body = self.ask(
                lambda tag: message(
                    DESCRIBE, struct.pack("=II", first, 0), tag), SENSORS)
            count, got = struct.unpack_from("=II", body)
            assert got == first and count > 0
            names += [text(body[8 + i * SENSOR_BYTES:][:64])
                      for i in range(count)]
        return names

    def read(self, which):
        """[(raw, t0_ns, t1_ns, generation, state)]"""
        body = self.ask(lambda tag: read(which, tag), SAMPLES)
        count, _ = struct.unpack_from("=II", body)
        assert count == len(which)
        samples = []
        for i in range(count):
            raw, t0, t1, _, generation, state, _, _ = SAMPLE.unpack_from(
                body, 8 + i * SAMPLE.size)
            samples.append((raw, t0, t1, generation, state))
        return samples

    def timed(self, which):
        """(seconds that a reading took, its samples)"""
        before = time.monotonic()
        samples = self.read(which)
        return time.monotonic() - before, samples
