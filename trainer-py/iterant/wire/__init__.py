"""The wire of PROTOCOL.md in Python: the same frames as Node's, byte for byte, held by golden files.

codec     values and envelopes to bytes and back
session   one lane across reconnects: numbers, confirms, sends again
link      the I/O thread that owns the sockets; the only place that imports zmq
"""
