"""The story that zabkeeper was born from, told by kazoo. Usage: story.py HOSTS. Fails with the assertion that does not hold."""
import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, NoAuthError, NoNodeError
from kazoo.security import make_digest_acl

WAIT_S = 20


def connect(hosts):
    client = KazooClient(hosts=hosts, timeout=10)
    client.start(timeout=30)
    return client


def versions_and_acls(owner, stranger):
    owner.add_auth('digest', 'owner:secret')
    acl = make_digest_acl('owner', 'secret', all=True)
    owner.create('/account', b'100', acl=[acl])
    data, stat = owner.get('/account')
    assert (data, stat.version) == (b'100', 0), (data, stat)
    try:
        stranger.get('/account')
        raise AssertionError('a stranger read what only its owner may read')
    except NoAuthError:
        pass
    stat = owner.set('/account', b'90', version=0)
    assert stat.version == 1, stat
    try:
        owner.set('/account', b'80', version=0)
        raise AssertionError('a set with a stale version was not refused')
    except BadVersionError:
        pass
    try:
        owner.delete('/account', version=0)
        raise AssertionError('a delete with a stale version was not refused')
    except BadVersionError:
        pass
    owner.delete('/account', version=1)
    assert owner.exists('/account') is None
    print('versions and ACLs hold')


def discovery(hosts, watcher):
    watcher.ensure_path('/services')
    seen = []
    changed = threading.Condition()

    @watcher.ChildrenWatch('/services')
    def on_children(children):
        with changed:
            seen.append(sorted(children))
            changed.notify_all()

    def wait_for(children):
        with changed:
            assert changed.wait_for(lambda: seen and seen[-1] == children, WAIT_S), seen

    wait_for([])
    service = connect(hosts)
    service.create('/services/api', b'10.0.0.7:80', ephemeral=True)
    wait_for(['api'])
    service.stop()
    wait_for([])
    print('a service came and went, and the watcher learned of both')


def configuration(clients):
    clients[0].create('/config', b'version 0')
    seen = [set() for _ in clients]
    changed = threading.Condition()

    def watch(client, values):
        @client.DataWatch('/config')
        def on_data(data, stat):
            with changed:
                values.add(data)
                changed.notify_all()

    for client, values in zip(clients, seen):
        watch(client, values)
    clients[0].set('/config', b'version 1')
    with changed:
        assert changed.wait_for(lambda: all(b'version 1' in values for values in seen), WAIT_S), seen
    clients[0].delete('/config')
    try:
        clients[1].sync('/config')
        clients[1].get('/config')
        raise AssertionError('what was deleted was read')
    except NoNodeError:
        pass
    print('a configuration value changed, and every watcher saw it')


hosts = sys.argv[1]
clients = [connect(hosts) for _ in range(3)]
versions_and_acls(clients[0], clients[1])
discovery(hosts, clients[2])
configuration(clients)
for client in clients:
    client.stop()
