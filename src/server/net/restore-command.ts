import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AdminLogins } from './admin-logins.ts';
import { refuse } from './admin-refusal.ts';

/**
 * `POST /commands/restore`, for administrators, always refused. ZooKeeper puts the snapshot in place of the tree of this one
 * running server: the other members keep another tree under zxids that say they are in step, transactions that were
 * acknowledged go back without a word to those who were told, and the next restart, from log and snapshots that know nothing of
 * it, undoes it. What a restore is for, a new ensemble from a snapshot, there are other ways to.
 */
export function refuseRestore(logins: AdminLogins, request: IncomingMessage, response: ServerResponse): void {
  refuse(response, 'restore', logins.refusalOf(request) ?? REFUSED);
}

const REFUSED = {
  status: 409,
  error:
    'ZK_RESTORE_REFUSED: a running server never takes in a snapshot, because what was acknowledged since would be lost and members ' +
    'would differ: begin a new ensemble with it, by zabctl restore in every empty data directory, or by spec.bootstrap.restore of a CoordinationCluster',
};
