import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COORDINATION_CLUSTER } from '../../api/coordination-cluster.ts';
import { ApiRefusal } from '../kube/errors.ts';
import type { EventContent } from '../kube/event-recorder.ts';
import { writeStatus } from './write-status.ts';

const books = { apiVersion: 'zabkeeper.dev/v1alpha1', kind: 'CoordinationCluster', metadata: { name: 'books' } };

/** What is told where the API server answers so. */
async function toldWith(status: number): Promise<readonly EventContent[]> {
  const told: EventContent[] = [];
  const events = { record: async (_: unknown, __: unknown, event: EventContent) => void told.push(event) };
  const refusal = new ApiRefusal('PUT books/status', status, { message: 'storage.size cannot shrink' });
  const refuse = async () => Promise.reject(refusal);
  await assert.rejects(writeStatus(COORDINATION_CLUSTER, books, events, refuse), refusal);
  return told;
}

test('a status that is refused for good is told of by an Event, since it cannot tell itself', async () => {
  const [event, ...others] = await toldWith(422);
  assert.deepEqual([event?.reason, others], ['StatusRefused', []]);
  assert.match(event?.message ?? '', /\(storage\.size cannot shrink\): install operator and CRDs of the same version/);
});

test('what may be different the next time is not told: a conflict, a server that is busy', async () => {
  assert.deepEqual([await toldWith(409), await toldWith(429), await toldWith(500)], [[], [], []]);
});
