import { counterOf, epochOf, type Zxid } from '../../common/zxid.ts';
import type { History } from './history.ts';

/** How a leader brings a learner to its own history. */
export type SyncPlan =
  /** The learner's log is a prefix of ours: the entries after it. */
  | { readonly type: 'diff'; readonly after: Zxid }
  /** The learner has a tail that we do not have: it cuts it off, and gets the entries after that. */
  | { readonly type: 'trunc'; readonly to: Zxid }
  /** The whole state. */
  | { readonly type: 'snap' };

/** What a learner says of its log: the last zxid, and the one before which the log cannot be cut. */
export interface LearnersLog {
  readonly lastZxid: Zxid;
  readonly snapshotZxid: Zxid;
}

/**
 * Chooses by the learner's last zxid (LearnerHandler.syncFollower). Two logs that share a zxid are equal up to there, since
 * whoever has an entry of an epoch has synchronized with that epoch's leader before. So:
 * - a zxid that we hold: DIFF;
 * - one that we do not hold, but an earlier one of the same epoch: the learner's tail was never committed: TRUNC;
 * - the zero of an epoch, which ZooKeeper gives to a state received before the epoch's first transaction: DIFF;
 * - anything else, also where a truncation would cross an epoch or the learner says -1 (it must not trust its own
 *   disk): SNAP. So too where the tail begins before the learner's snapshot: that came from a leader that was never established.
 */
export function chooseSync(history: History, { lastZxid: learnerZxid, snapshotZxid }: LearnersLog): SyncPlan {
  if (learnerZxid === history.delivered) return { type: 'diff', after: learnerZxid };
  const known = history.floor(learnerZxid);
  if (known === undefined || learnerZxid < 0) return { type: 'snap' };
  const epochBegin = counterOf(learnerZxid) === 0 && learnerZxid < history.delivered;
  if (known === learnerZxid || epochBegin) return { type: 'diff', after: learnerZxid };
  if (known < snapshotZxid) return { type: 'snap' };
  if (counterOf(known) !== 0 && epochOf(known) === epochOf(learnerZxid)) return { type: 'trunc', to: known };
  return { type: 'snap' };
}
