import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { HttpMethod } from '@kubernetes/client-node';
import { failpoints } from './failpoints.ts';
import type { ConfirmedWrite } from './kube/client.ts';

const SET = '/apis/apps/v1/namespaces/default/statefulsets/zoo';
const CLUSTER = '/apis/zabkeeper.dev/v1alpha1/namespaces/default/coordinationclusters/zoo';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'failpoints-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function applied(path: string, kind: string, metadata: object): ConfirmedWrite {
  return { request: { method: HttpMethod.PATCH, path, body: { kind } }, answer: { metadata } };
}

/** Which of the writes, made by one life, it dies after; a life ends there. */
function life(setting: string, writes: readonly ConfirmedWrite[]): number | undefined {
  const death = new Error('dead');
  const onWrite = failpoints(setting, () => {
    throw death;
  });
  assert.ok(onWrite);
  for (const [index, write] of writes.entries()) {
    try {
      onWrite(write);
    } catch (error) {
      assert.equal(error, death);
      return index;
    }
  }
  return undefined;
}

test('without a setting there is nothing', () => {
  assert.equal(
    failpoints(undefined, () => undefined),
    undefined,
  );
  assert.equal(
    failpoints('', () => undefined),
    undefined,
  );
});

test('a setting that means nothing is refused with those that do', () => {
  for (const setting of ['crash', 'crash-after-every-write', 'crash-after-write=0', 'crash-after-write=x']) {
    assert.throws(() => failpoints(setting, () => undefined), {
      code: 'ZK_OPERATOR_ARGUMENTS',
      message: /`crash-after-every-write=FILE`.*`crash-after-write=N`/,
    });
  }
});

test('every life gets one change further, and repeating what is done already is no change', () => {
  const setting = `crash-after-every-write=${join(folder, 'changes')}`;
  const writes = [
    applied(SET, 'StatefulSet', { generation: 1, resourceVersion: '10' }),
    applied(`${CLUSTER}/status`, 'CoordinationCluster', { generation: 1, resourceVersion: '11' }),
    applied(SET, 'StatefulSet', { generation: 2, resourceVersion: '12' }),
    applied(`${CLUSTER}/status`, 'CoordinationCluster', { generation: 1, resourceVersion: '13' }),
  ];
  assert.deepEqual(
    Array.from({ length: 5 }, () => life(setting, writes)),
    [0, 1, 2, 3, undefined],
  );
});

test('what Kubernetes writes into a status meanwhile is no change of what was applied', () => {
  const setting = `crash-after-every-write=${join(folder, 'changes')}`;
  assert.equal(life(setting, [applied(SET, 'StatefulSet', { generation: 1, resourceVersion: '10' })]), 0);
  assert.equal(life(setting, [applied(SET, 'StatefulSet', { generation: 1, resourceVersion: '15' })]), undefined);
});

test('what only makes sure of a version is no change', () => {
  const setting = `crash-after-every-write=${join(folder, 'changes')}`;
  const patch = (metadata: object): ConfirmedWrite => ({
    request: { method: HttpMethod.PATCH, path: CLUSTER, body: { metadata } },
    answer: { metadata: { resourceVersion: '10' } },
  });
  assert.equal(life(setting, [patch({ resourceVersion: '10' })]), undefined);
  assert.equal(life(setting, [patch({ resourceVersion: '9', finalizers: ['one'] })]), 0);
});

test('a deletion is one change of one object', () => {
  const setting = `crash-after-every-write=${join(folder, 'changes')}`;
  const path = '/api/v1/namespaces/default/pods/zoo-2';
  const deletion = (uid: string): ConfirmedWrite => ({
    request: { method: HttpMethod.DELETE, path, body: { kind: 'DeleteOptions', preconditions: { uid } } },
    answer: {},
  });
  assert.equal(life(setting, [deletion('1')]), 0);
  assert.equal(life(setting, [deletion('1'), deletion('2')]), 1);
});

test('one crash after a number of writes, in every life', () => {
  const write = applied(SET, 'StatefulSet', { generation: 1 });
  assert.equal(life('crash-after-write=3', [write, write, write, write]), 2);
  assert.equal(life('crash-after-write=3', [write, write]), undefined);
});
