"""Writes until its input ends, and prints what was acknowledged: `ack NUMBER MILLISECONDS`. Usage: writer.py HOSTS PATH.

`session ID` is printed each time it is connected: a second ID means that the first session expired.
Each write creates PATH/NUMBER. A write whose outcome is not known (the connection was lost) is neither repeated nor printed.
"""
import sys
import threading
import time

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import ConnectionLoss, KazooException, NodeExistsError, OperationTimeoutError, SessionExpiredError
from kazoo.handlers.threading import KazooTimeoutError

# Often enough to see how long the ensemble pauses, seldom enough to leave the machine to it: each line that is printed goes
# through the API server and a kubelet.
PAUSE_S = 0.025

hosts, path = sys.argv[1:3]
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()

client = KazooClient(hosts=hosts, timeout=6, connection_retry={'max_tries': -1, 'delay': 0.05, 'max_delay': 0.2})
client.add_listener(
    lambda state: print('session', hex(client.client_id[0]), flush=True) if state == KazooState.CONNECTED else None
)
client.start(timeout=60)
client.ensure_path(path)
number = 0
while not stop.is_set():
    number += 1
    try:
        client.create_async(f'{path}/{number:08d}', b'x').get(timeout=10)
    except (ConnectionLoss, OperationTimeoutError, SessionExpiredError, KazooTimeoutError) as error:
        print('unknown', number, type(error).__name__, flush=True)
        stop.wait(0.02)
    except KazooException as error:
        print('refused', number, type(error).__name__, flush=True)
    else:
        print('ack', number, int(time.monotonic() * 1000), flush=True)
        stop.wait(PAUSE_S)
client.stop()
