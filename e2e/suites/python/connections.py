"""Connects again and again until its input ends, and prints `hung SECONDS` where nobody said yes or no. Usage: connections.py HOST PORT."""
import socket
import sys
import threading
import time

host, port = sys.argv[1:3]
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()

print('begun', flush=True)
while not stop.wait(0.05):
    began = time.monotonic()
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        pass
    except OSError as error:
        print('hung', round(time.monotonic() - began, 1), error, flush=True)
