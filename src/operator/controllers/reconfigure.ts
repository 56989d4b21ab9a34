import { HttpMethod } from '@kubernetes/client-node';
import { isFailure, ZooKeeperError, type ZooKeeperFailure } from '../../client/errors.ts';
import { ZooKeeper } from '../../client/zookeeper.ts';
import type { WriteGate } from '../kube/client.ts';
import type { Reconfiguration } from '../plan/model.ts';
import type { SuperUser } from '../resources/operator-secret.ts';

/** What became of a reconfiguration. `unknown`: it may have been done or not, as the next plan will see. */
export type ReconfigureOutcome =
  | { readonly result: 'done' }
  | { readonly result: 'unknown'; readonly why: string }
  /** The same has come to nothing several times. */
  | { readonly result: 'inVain'; readonly why: string }
  /** The same would be refused again, until somebody changes something. */
  | { readonly result: 'refused'; readonly why: string };

/** Asks an ensemble's leader to change who belongs to it. Never rejects. */
export type Reconfigure = (change: Reconfiguration, superUser: SuperUser) => Promise<ReconfigureOutcome>;

/** A reconfiguration is a write like any other: it passes the gate. */
export function reconfigureBehind({ before, after }: WriteGate): Reconfigure {
  return async (change, superUser) => {
    before();
    const outcome = await reconfigure(change, superUser);
    const request = { method: HttpMethod.POST, path: `/reconfig/${change.through.podName}`, body: change };
    after({ request, answer: { metadata: { resourceVersion: change.version } } });
    return outcome;
  };
}

/** How long the leader may take, in milliseconds: not longer than other writes, so that none outlives the lease. */
const ANSWER_TIMEOUT_MS = 4_000;

/** How long the end of the session may take, in milliseconds; after that it expires by itself. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Failures that no other attempt will do without. */
const LASTING: readonly ZooKeeperFailure[] = [
  'noAuth',
  'authFailed',
  'badArguments',
  'reconfigDisabled',
  'unimplemented',
];

/** Asks it with a session of its own, as the super user. */
const reconfigure: Reconfigure = async (change, superUser) => {
  const client = new ZooKeeper(change.through.address, { requestTimeoutMs: ANSWER_TIMEOUT_MS });
  try {
    client.addAuth('digest', `${superUser.username}:${superUser.password}`);
    const request = client.reconfig({
      ...(change.joining === undefined ? {} : { joining: [change.joining] }),
      ...(change.leaving === undefined ? {} : { leaving: [change.leaving] }),
      version: change.version,
    });
    await within(request, ANSWER_TIMEOUT_MS);
    return { result: 'done' };
  } catch (error) {
    const why = String(error);
    return { result: LASTING.some((failure) => isFailure(error, failure)) ? 'refused' : 'unknown', why };
  } finally {
    await within(client.close(), CLOSE_TIMEOUT_MS).catch(() => undefined);
  }
};

/** @throws ZooKeeperError operationTimeout */
async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const timeUp = (): void => reject(new ZooKeeperError('operationTimeout', '', `no answer within ${timeoutMs} ms`));
    timer = setTimeout(timeUp, timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
