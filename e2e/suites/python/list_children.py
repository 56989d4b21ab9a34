"""Prints the names of a znode's children as the ensemble has them now, behind a sync. Usage: list_children.py HOSTS PATH."""
import sys

from kazoo.client import KazooClient

hosts, path = sys.argv[1:3]
client = KazooClient(hosts=hosts, timeout=10)
client.start(timeout=60)
client.sync(path)
for child in sorted(client.get_children(path)):
    print(child)
client.stop()
