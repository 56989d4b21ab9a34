"""The story of this project with kazoo. Usage: story.py host:port,host:port,...  Ends with 0 and a last line `story: done`."""

import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, NoAuthError, NoNodeError
from kazoo.security import CREATOR_ALL_ACL

TIMEOUT_S = 20
hosts = sys.argv[1].split(",")


def client(index, **options):
    # Each client on a member of its own, so that what one writes another sees through the ensemble.
    zk = KazooClient(hosts=hosts[index % len(hosts)], timeout=10, **options)
    zk.start(timeout=TIMEOUT_S)
    return zk


def say(text):
    print(text, flush=True)


def refused(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error:
        return
    raise AssertionError(f"{call.__name__}{args} {kwargs} was not refused with {error.__name__}")


def versions_and_acl():
    owner = client(0, auth_data=[("digest", "owner:secret")])
    stranger = client(1)
    path = owner.create("/kazoo-orders", b"one", acl=CREATOR_ALL_ACL)
    assert path == "/kazoo-orders", path
    data, stat = owner.get(path)
    assert (data, stat.version, stat.dataLength) == (b"one", 0, 3), (data, stat)
    stranger.sync(path)
    refused(NoAuthError, stranger.get, path)
    stat = owner.set(path, b"two", version=0)
    assert stat.version == 1, stat
    refused(BadVersionError, owner.set, path, b"three", version=0)
    assert owner.get(path)[0] == b"two"
    refused(BadVersionError, owner.delete, path, version=0)
    owner.delete(path, version=1)
    refused(NoNodeError, owner.get, path)
    owner.stop()
    stranger.stop()
    say("created with an ACL, read, set with its version, refused with a stale one, deleted")


def registration():
    watcher, service = client(0), client(1)
    watcher.ensure_path("/kazoo-services")
    seen = []
    changed = threading.Condition()

    def on_children(children):
        with changed:
            seen.append(sorted(children))
            changed.notify_all()

    def until(children):
        with changed:
            ok = changed.wait_for(lambda: seen and seen[-1] == children, TIMEOUT_S)
        assert ok, f"expected {children}, saw {seen}"

    watcher.ChildrenWatch("/kazoo-services", on_children)
    until([])
    name = service.create("/kazoo-services/instance-", b"10.0.0.7:8080", ephemeral=True, sequence=True)
    until([name.rsplit("/", 1)[1]])
    service.stop()
    until([])
    watcher.stop()
    say("a watcher learned that a registration came and went")


def configuration():
    writer = client(0)
    writer.ensure_path("/kazoo-config")
    readers = [client(index) for index in range(3)]
    changed = threading.Condition()
    latest = {}

    def watch(index, reader):
        @reader.DataWatch("/kazoo-config")
        def on_data(data, stat):
            with changed:
                latest[index] = (data, stat.version)
                changed.notify_all()

    for index, reader in enumerate(readers):
        watch(index, reader)
    for version in range(1, 4):
        value = f"value-{version}".encode()
        assert writer.set("/kazoo-config", value).version == version
        expected = {index: (value, version) for index in range(3)}
        with changed:
            ok = changed.wait_for(lambda: latest == expected, TIMEOUT_S)
        assert ok, f"expected {expected}, saw {latest}"
    for zk in [writer, *readers]:
        zk.stop()
    say("every watcher saw each new version of a configuration value")


versions_and_acl()
registration()
configuration()
say("story: done")
