"""Changes the configuration of an ensemble with kazoo, and prints what came of it.

usage: reconfigure.py HOSTS JOINING LEAVING NEW_MEMBERS VERSION [--anonymous]; an empty argument says nothing
"""

import sys

from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionLoss, KazooException

hosts, joining, leaving, new_members, version = sys.argv[1:6]
identities = [] if "--anonymous" in sys.argv else [("digest", "super:secret")]
# Reads are tried again while there is no connection.
client = KazooClient(hosts=hosts, timeout=20, auth_data=identities, command_retry={"max_tries": -1, "max_delay": 0.2})
client.start(timeout=20)

try:
    while True:
        try:
            data, _ = client.reconfig(
                joining=joining or None,
                leaving=leaving or None,
                new_members=new_members or None,
                from_config=int(version, 16) if version else -1,
            )
            break
        except ConnectionLoss:
            # A change of the leader ends connections, also that of the client that asked for it: whether it was done is
            # unknown. Who has left or joined already does so again without harm.
            client.retry(client.get, "/zookeeper/config")
    print(data.decode())
except KazooException as error:
    print("refused:", type(error).__name__)
finally:
    client.stop()
    client.close()
