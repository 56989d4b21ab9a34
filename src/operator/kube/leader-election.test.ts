import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../api/objects.ts';
import { WRITE_TIMEOUT_MS, type KubeClient } from './client.ts';
import { ApiRefusal } from './errors.ts';
import { DEFAULT_LEASE_TIMING, LeaderElection, type LeaseTiming } from './leader-election.ts';
import { silentLogger } from './silent-logger.ts';

const timing: LeaseTiming = { durationMs: 1000, renewDeadlineMs: 300, retryMs: 20 };

type LeaseClient = Pick<KubeClient, 'get' | 'create' | 'replace'>;

/** One lease, with the API server's optimistic locking; unreachable for those that are cut off. */
class LeaseStore {
  #lease: KubeObject | undefined;
  #version = 0;
  readonly cutOff = new Set<string>();

  get holder(): string | undefined {
    const { spec } = (this.#lease ?? {}) as { spec?: { holderIdentity?: string } };
    return spec?.holderIdentity;
  }

  clientOf(identity: string): LeaseClient {
    const reach = () => {
      if (this.cutOff.has(identity)) throw new Error('no route to host');
    };
    const put = (object: KubeObject) => {
      const metadata = { ...object.metadata, resourceVersion: String(++this.#version) };
      this.#lease = { ...object, metadata };
      return this.#lease;
    };
    const client = {
      get: async () => {
        reach();
        return this.#lease;
      },
      create: async (_: unknown, object: KubeObject) => {
        reach();
        if (this.#lease !== undefined) throw new ApiRefusal('POST', 409, { reason: 'AlreadyExists' });
        return put(object);
      },
      replace: async (_: unknown, object: KubeObject) => {
        reach();
        const current = this.#lease?.metadata.resourceVersion;
        if (object.metadata.resourceVersion !== current) throw new ApiRefusal('PUT', 409, { reason: 'Conflict' });
        return put(object);
      },
    };
    return client as unknown as LeaseClient;
  }
}

/** A replica; `led` resolves at each beginning of its leadership. */
function replica(store: LeaseStore, identity: string, leading: Set<string>) {
  const stop = new AbortController();
  let { promise: began, resolve: begin } = Promise.withResolvers<void>();
  let { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const election = new LeaderElection({
    client: store.clientOf(identity),
    namespace: 'default',
    name: 'lease',
    identity,
    timing,
    logger: silentLogger,
    lead: async (lost) => {
      leading.add(identity);
      assert.deepEqual([...leading], [identity], 'one leads at a time');
      begin();
      const { promise: aborted, resolve } = Promise.withResolvers<void>();
      lost.addEventListener('abort', () => resolve());
      await aborted;
      leading.delete(identity);
      end();
    },
  });
  const running = election.run(stop.signal);
  return {
    election,
    leads: async () => {
      await began;
      ({ promise: began, resolve: begin } = Promise.withResolvers<void>());
    },
    yields: async () => {
      await ended;
      ({ promise: ended, resolve: end } = Promise.withResolvers<void>());
    },
    stop: async () => {
      stop.abort();
      await running;
    },
  };
}

test('a write that begins in the last moment ends before another replica may begin', () => {
  const { durationMs, renewDeadlineMs } = DEFAULT_LEASE_TIMING;
  assert.ok(renewDeadlineMs + WRITE_TIMEOUT_MS < durationMs);
});

test('one of two leads; stopped, it lets the lease go and the other leads at once', async () => {
  const store = new LeaseStore();
  const leading = new Set<string>();
  const a = replica(store, 'a', leading);
  await a.leads();
  const b = replica(store, 'b', leading);
  const startedAtMs = performance.now();
  await a.stop();
  await b.leads();
  assert.ok(performance.now() - startedAtMs < timing.durationMs);
  assert.equal(store.holder, 'b');
  await b.stop();
  assert.equal(store.holder, '');
});

test('one that is cut off stops to write before the other begins', async () => {
  const store = new LeaseStore();
  const leading = new Set<string>();
  const a = replica(store, 'a', leading);
  await a.leads();
  const b = replica(store, 'b', leading);
  store.cutOff.add('a');
  await a.yields();
  assert.throws(a.election.guard, { code: 'ZK_NOT_LEADING' });
  await b.leads();
  b.election.guard();
  store.cutOff.delete('a');
  await b.stop();
  await a.leads();
  await a.stop();
});
