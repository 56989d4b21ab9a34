"""Changes the configuration of an ensemble with kazoo, and prints what came of it.

usage: reconfigure.py HOSTS JOINING LEAVING NEW_MEMBERS VERSION [--anonymous]; an empty argument says nothing
"""

import sys

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException

hosts, joining, leaving, new_members, version = sys.argv[1:6]
identities = [] if "--anonymous" in sys.argv else [("digest", "super:secret")]
client = KazooClient(hosts=hosts, timeout=20, auth_data=identities)
client.start(timeout=20)
try:
    data, _ = client.reconfig(
        joining=joining or None,
        leaving=leaving or None,
        new_members=new_members or None,
        from_config=int(version, 16) if version else -1,
    )
    print(data.decode())
except KazooException as error:
    print("refused:", type(error).__name__)
finally:
    client.stop()
    client.close()
