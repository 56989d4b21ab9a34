// The story of this project with node-zookeeper-client. Argument: host:port,host:port,...  Its last line is `story: done`.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { promisify } from 'node:util';
import zookeeper from 'node-zookeeper-client';

const timeoutMs = 20_000;
const hosts = (process.argv[2] ?? '').split(',');
const { ACL, CreateMode, Event, Exception, Id, Permission } = zookeeper;

/** Connects to one member only, so that what one client writes another sees through the ensemble. */
async function client(index) {
  const connection = zookeeper.createClient(hosts[index % hosts.length], { sessionTimeout: 10_000, retries: 5 });
  connection.connect();
  await once(connection, 'connected', { signal: AbortSignal.timeout(timeoutMs) });
  const bound = (method) => promisify(method).bind(connection);
  return {
    addAuth: (scheme, auth) => connection.addAuthInfo(scheme, auth),
    create: bound(connection.create),
    set: bound(connection.setData),
    remove: bound(connection.remove),
    // Two values come back, which promisify cannot give.
    get: (path, watcher) =>
      new Promise((resolve, reject) => {
        connection.getData(path, watcher, (error, data, stat) => (error ? reject(error) : resolve({ data, stat })));
      }),
    children: bound(connection.getChildren),
    exists: bound(connection.exists),
    close: async () => {
      connection.close();
      await once(connection, 'disconnected', { signal: AbortSignal.timeout(timeoutMs) });
    },
  };
}

const refused = (code) => ({ code });

/** A watcher to give to a call, and the one event that it gets. */
function watch() {
  const { promise, resolve, reject } = Promise.withResolvers();
  const timer = setTimeout(() => reject(new Error('no watch event')), timeoutMs);
  return { watcher: resolve, event: promise.finally(() => clearTimeout(timer)) };
}

/** This client has no sync: asks its member until that has caught up. Whoever is not allowed to know is told so only then. */
async function untilExists(connection, path) {
  const deadlineMs = Date.now() + timeoutMs;
  const exists = () =>
    connection.exists(path).catch((error) => error.code === Exception.NO_AUTH || Promise.reject(error));
  while ((await exists()) === null) assert.ok(Date.now() < deadlineMs, `${path} did not appear`);
}

async function versionsAndAcl() {
  const path = '/node-orders';
  const owner = await client(0);
  const stranger = await client(1);
  owner.addAuth('digest', Buffer.from('owner:secret'));
  const acl = [new ACL(Permission.ALL, new Id('auth', ''))];
  assert.equal(await owner.create(path, Buffer.from('one'), acl, CreateMode.PERSISTENT), path);
  const { data, stat } = await owner.get(path);
  assert.deepEqual([data.toString(), stat.version, stat.dataLength], ['one', 0, 3]);
  await untilExists(stranger, path);
  await assert.rejects(stranger.get(path), refused(Exception.NO_AUTH));
  assert.equal((await owner.set(path, Buffer.from('two'), 0)).version, 1);
  await assert.rejects(owner.set(path, Buffer.from('three'), 0), refused(Exception.BAD_VERSION));
  await assert.rejects(owner.remove(path, 0), refused(Exception.BAD_VERSION));
  await owner.remove(path, 1);
  await assert.rejects(owner.get(path), refused(Exception.NO_NODE));
  await Promise.all([owner.close(), stranger.close()]);
}

async function registration() {
  const path = '/node-services';
  const watcher = await client(0);
  const service = await client(1);
  await watcher.create(path, null, null, CreateMode.PERSISTENT);
  await untilExists(service, path);
  const came = watch();
  assert.deepEqual(await watcher.children(path, came.watcher), []);
  const name = await service.create(
    `${path}/instance-`,
    Buffer.from('10.0.0.7:8080'),
    null,
    CreateMode.EPHEMERAL_SEQUENTIAL,
  );
  assert.equal((await came.event).getType(), Event.NODE_CHILDREN_CHANGED);
  const went = watch();
  assert.deepEqual(await watcher.children(path, went.watcher), [name.slice(path.length + 1)]);
  await service.close();
  assert.equal((await went.event).getType(), Event.NODE_CHILDREN_CHANGED);
  assert.deepEqual(await watcher.children(path, null), []);
  await watcher.close();
}

async function configuration() {
  const path = '/node-config';
  const writer = await client(0);
  await writer.create(path, Buffer.from('value-0'), null, CreateMode.PERSISTENT);
  const readers = await Promise.all([client(0), client(1), client(2)]);
  for (const reader of readers) await untilExists(reader, path);
  for (let version = 1; version <= 3; version++) {
    const events = [];
    for (const reader of readers) {
      const { watcher, event } = watch();
      assert.equal((await reader.get(path, watcher)).stat.version, version - 1);
      events.push(event);
    }
    await writer.set(path, Buffer.from(`value-${version}`), -1);
    for (const [index, event] of events.entries()) {
      assert.equal((await event).getType(), Event.NODE_DATA_CHANGED);
      const { data, stat } = await readers[index].get(path);
      assert.deepEqual([data.toString(), stat.version], [`value-${version}`, version]);
    }
  }
  await Promise.all([writer, ...readers].map((connection) => connection.close()));
}

await versionsAndAcl();
process.stdout.write('created with an ACL, read, set with its version, refused with a stale one, deleted\n');
await registration();
process.stdout.write('a watcher learned that a registration came and went\n');
await configuration();
process.stdout.write('every watcher saw each new version of a configuration value\nstory: done\n');
process.exit(0);
