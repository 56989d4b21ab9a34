"""Creates znodes that no compression makes smaller. Usage: populate.py HOSTS PATH COUNT BYTES."""
import os
import sys

from kazoo.client import KazooClient

hosts, path, count, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
client = KazooClient(hosts=hosts, timeout=20)
client.start(timeout=30)
client.ensure_path(path)
for number in range(count):
    client.create('%s/%04d' % (path, number), os.urandom(size))
client.stop()
