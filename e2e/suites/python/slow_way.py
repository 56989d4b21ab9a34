"""A way to an S3 server that stops after so many bytes of an upload for as long as a file exists. Usage: slow_way.py PORT TARGET_PORT BYTES FILE."""
import os
import socket
import sys
import threading
import time

port, target, limit, stop = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
passed = 0


def carry(source, sink, counts):
    global passed
    try:
        while data := source.recv(65536):
            if counts:
                passed += len(data)
            # A file, because the test can make and remove one with kubectl exec; this program waits for nothing else.
            while counts and passed > limit and os.path.exists(stop):
                time.sleep(0.05)
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


with socket.create_server(('', port), backlog=64) as server:
    while True:
        client, _ = server.accept()
        if not os.path.exists(stop):
            passed = 0
        try:
            upstream = socket.create_connection(('127.0.0.1', target))
        except OSError:
            client.close()
            continue
        threading.Thread(target=carry, args=(client, upstream, True), daemon=True).start()
        threading.Thread(target=carry, args=(upstream, client, False), daemon=True).start()
