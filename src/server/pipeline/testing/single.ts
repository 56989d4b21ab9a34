import assert from 'node:assert/strict';
import { Ensemble } from './ensemble.ts';
import type { Reply, TestClient } from './test-client.ts';

/** A single member that serves, and its client. */
export interface Single {
  readonly ensemble: Ensemble;
  readonly client: TestClient;
}

/** A single member, with one client. */
export function single(config: ConstructorParameters<typeof Ensemble>[1] = {}): Single {
  const ensemble = Ensemble.serving(1, config);
  return { ensemble, client: ensemble.connected(1) };
}

/** Lets everything happen that can, and returns the reply to a request. */
export function replyTo(ensemble: Ensemble, client: TestClient, xid: number): Reply {
  ensemble.run();
  const reply = client.reply(xid);
  assert.ok(reply, `no reply to request ${xid}; ${client.closedBecause ?? 'the connection is open'}`);
  return reply;
}

/** Its error, a ReplyCode. */
export function errorOf(ensemble: Ensemble, client: TestClient, xid: number): number {
  return replyTo(ensemble, client, xid).error;
}
