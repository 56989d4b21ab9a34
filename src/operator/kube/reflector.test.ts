import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { KubeObject } from '../../api/objects.ts';
import type { KubeClient, Scope } from './client.ts';
import { FakeApi, json, watchOf, type Answer } from './fake-api.ts';
import { Reflector } from './reflector.ts';
import { silentLogger } from './silent-logger.ts';

const pods = { group: '', version: 'v1', plural: 'pods' };

let api: FakeApi;
let client: KubeClient;
let stop: AbortController;

beforeEach(async () => {
  api = new FakeApi();
  client = await api.listen();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await api.close();
});

function pod(name: string, resourceVersion: string, uid = name): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', uid, resourceVersion } };
}

function list(resourceVersion: string, ...items: readonly KubeObject[]): Answer {
  return json({ kind: 'PodList', metadata: { resourceVersion }, items });
}

const timeout = 10_000;

/** Runs a reflector until it has reported so many changes. */
async function changes(count: number, scope: Scope = {}): Promise<{ seen: string[]; failures: number }> {
  const seen: string[] = [];
  let failures = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const reflector = new Reflector<KubeObject>({
    client,
    type: pods,
    scope,
    logger: silentLogger,
    onChange: ({ type, object }) => {
      seen.push(`${type} ${object.metadata.name}@${object.metadata.resourceVersion}`);
      if (seen.length === count) resolve();
    },
    onFailure: () => (failures += 1),
  });
  const running = reflector.run(stop.signal);
  await promise;
  stop.abort();
  await running;
  return { seen, failures };
}

function watchesFrom(): (string | null)[] {
  return api.requests
    .map((request) => new URL(request.split(' ')[1] ?? '', 'http://any').searchParams)
    .filter((query) => query.has('watch'))
    .map((query) => query.get('resourceVersion'));
}

test('lists in pages, then watches from there and on from bookmarks', { timeout }, async () => {
  api.script(
    json({ kind: 'PodList', metadata: { resourceVersion: '10', continue: 'more' }, items: [pod('a', '3')] }),
    list('10', pod('b', '4')),
    watchOf([
      { type: 'MODIFIED', object: pod('a', '11') },
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: '20' } } },
    ]),
    watchOf([{ type: 'DELETED', object: pod('b', '21') }], 'stay'),
  );
  const { seen, failures } = await changes(4);
  assert.deepEqual(seen, ['ADDED a@3', 'ADDED b@4', 'MODIFIED a@11', 'DELETED b@21']);
  assert.deepEqual(watchesFrom(), ['10', '20']);
  assert.equal(failures, 0);
  assert.match(api.requests[1] ?? '', /continue=more/);
  assert.match(api.requests[2] ?? '', /allowWatchBookmarks=true/);
});

test('a broken connection is watched on from the last version, without a list', { timeout }, async () => {
  api.script(
    list('10', pod('a', '3')),
    watchOf([{ type: 'MODIFIED', object: pod('a', '12') }], 'break'),
    watchOf([{ type: 'MODIFIED', object: pod('a', '13') }], 'stay'),
  );
  const { seen, failures } = await changes(3);
  assert.deepEqual(seen, ['ADDED a@3', 'MODIFIED a@12', 'MODIFIED a@13']);
  assert.deepEqual(watchesFrom(), ['10', '12']);
  assert.equal(failures, 1);
});

for (const [what, answer] of [
  ['in the watch', watchOf([{ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }])],
  ['at its start', json({ kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }, 410)],
] as const) {
  test(
    `a version that the server has forgotten, said ${what}, is listed again and no deletion is lost`,
    { timeout },
    async () => {
      api.script(
        list('10', pod('a', '3'), pod('b', '4')),
        answer,
        list('50', pod('b', '4')),
        watchOf([{ type: 'ADDED', object: pod('c', '51') }], 'stay'),
      );
      const { seen } = await changes(4);
      assert.deepEqual(seen, ['ADDED a@3', 'ADDED b@4', 'DELETED a@3', 'ADDED c@51']);
      assert.deepEqual(watchesFrom(), ['10', '50']);
    },
  );
}

test('watches that keep failing are not all that is tried: it lists again', { timeout }, async () => {
  // As after a restore of etcd: the server does not reach the version in the time of one request.
  const tooLarge = json({ kind: 'Status', code: 504, reason: 'Timeout', message: 'Too large resource version' }, 504);
  api.script(
    list('90', pod('a', '3')),
    ...Array.from({ length: 5 }, () => tooLarge),
    list('90', pod('a', '3'), pod('b', '4')),
    watchOf([], 'stay'),
  );
  const { seen, failures } = await changes(2);
  assert.deepEqual(seen, ['ADDED a@3', 'ADDED b@4']);
  assert.equal(failures, 5);
});

test('any other failure is tried again until it goes', { timeout }, async () => {
  api.script(
    json({ kind: 'Status', code: 500, message: 'etcd is away' }, 500),
    (_, response) => response.destroy(),
    json({ kind: 'Status', code: 429, reason: 'TooManyRequests' }, 429),
    list('10', pod('a', '3')),
    (_, response) => response.end('{"type":"ADDED","object":{"metadata":\n'),
    watchOf([{ type: 'ADDED', object: pod('b', '11') }], 'stay'),
  );
  const { seen, failures } = await changes(2);
  assert.deepEqual(seen, ['ADDED a@3', 'ADDED b@11']);
  // The client itself repeats a list once: the first one failed twice, the second one once.
  assert.equal(failures, 2);
});

test('what is out of its scope it neither lists nor watches', { timeout }, async () => {
  api.script(list('10'), watchOf([{ type: 'ADDED', object: pod('a', '11') }], 'stay'));
  await changes(1, { labelSelector: 'app=zoo', fieldSelector: 'metadata.namespace!=books' });
  for (const request of api.requests)
    assert.match(request, /labelSelector=app%3Dzoo&fieldSelector=metadata.namespace%21%3Dbooks/);
  assert.equal(api.requests.length, 2);
});
