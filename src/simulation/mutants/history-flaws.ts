import { edit, transcript } from './mutation.ts';
import type { Mutation } from './mutation.ts';

const MAJORITIES = 'small majorities take turns';
const ELECTIONS = 'servers lose their power while they elect';

/** Who may lead, what a quorum is, and which history is the ensemble's. */
export const HISTORY_FLAWS: readonly Mutation[] = [
  {
    name: 'half of the voters, one less than a majority, are a quorum',
    shownBy: MAJORITIES,
    edits: [edit('zab/membership.ts', 'return present * 2 > voters.size;', 'return present * 2 > voters.size - 2;')],
  },
  {
    name: 'a vote counts by server id, whatever its history',
    shownBy: MAJORITIES,
    edits: [
      edit(
        'zab/vote.ts',
        'if (candidate.zxid !== current.zxid) return candidate.zxid > current.zxid;\n  return',
        'return',
      ),
      edit('zab/leader.ts', 'return zxid > this.#context.history.logged;', 'return false;'),
    ],
  },
  {
    name: 'a leader leads voters that are ahead of it',
    shownBy: transcript('leader', 'leader, a follower is ahead'),
    edits: [edit('zab/leader.ts', 'return zxid > this.#context.history.logged;', 'return false;')],
  },
  {
    name: 'an accepted epoch is promised before it is durable',
    shownBy: transcript('synchronization', 'a crash between history and current epoch'),
    edits: [
      edit(
        'zab/learner.ts',
        "this.#ticket = this.#context.persist([{ type: 'acceptedEpoch', epoch }]);",
        'this.#acknowledgeEpoch();',
      ),
    ],
  },
  {
    // No life of our own servers can show it: whoever has an entry of an epoch has that epoch's initial history, and so has
    // every later leader, so what is cut off ends there. ZooKeeper's servers do not do it, and count on that of others.
    name: 'TRUNC crosses an epoch',
    shownBy: { file: 'server/zab/history.test.ts', name: 'the choice of synchronization' },
    edits: [
      edit(
        'zab/sync-plan.ts',
        'if (counterOf(known) !== 0 && epochOf(known) === epochOf(learnerZxid)) return',
        'if (counterOf(known) !== 0 || epochOf(known) !== epochOf(learnerZxid)) return',
      ),
    ],
  },
  {
    name: 'the tail of a learner is taken for a part of the history',
    shownBy: MAJORITIES,
    edits: [
      edit(
        'zab/sync-plan.ts',
        'if (known === learnerZxid || epochBegin) return',
        'if (known <= learnerZxid || epochBegin) return',
      ),
    ],
  },
  {
    name: 'a learner is told to cut its log before where it begins',
    shownBy: transcript('synchronization', 'a snapshot of a leader that was never established is replaced by the next'),
    edits: [edit('zab/sync-plan.ts', "if (known < snapshotZxid) return { type: 'snap' };", '')],
  },
  {
    name: 'a learner is not sent what is under way, and does not notice the gap (ZOOKEEPER-4925)',
    shownBy: ELECTIONS,
    edits: [
      edit(
        'zab/send-history.ts',
        'for (const entry of history.between(committed, history.logged)) {',
        'for (const entry of []) {',
      ),
      edit(
        'zab/history.ts',
        'if (next === previous + 1) return counter !== 0;',
        'if (next > previous) return counter !== 0;',
      ),
    ],
  },
  {
    name: 'a learner accepts a gap in what its leader sends',
    shownBy: transcript('follower', 'follower, a gap while serving'),
    edits: [
      edit(
        'zab/history.ts',
        'if (next === previous + 1) return counter !== 0;',
        'if (next > previous) return counter !== 0;',
      ),
    ],
  },
  {
    name: 'a learner takes for committed what is under way when it joins',
    shownBy: {
      file: 'server/zab/learner.test.ts',
      name: 'what is under way when a learner joins is delivered when it is committed, and not before',
    },
    edits: [
      edit(
        'zab/learner-log.ts',
        'this.#context.currentEpoch = epoch;\n    this.#committed = history.committed;',
        'this.#context.currentEpoch = epoch;\n    this.#committed = this.#context.history.logged;',
      ),
    ],
  },
  {
    name: 'a leader hands over to a follower that does not have everything',
    shownBy: transcript('leadership', 'a leader hands over to the follower that has everything'),
    edits: [
      edit(
        'zab/leader.ts',
        'if (serverId === undefined || heldZxid < history.logged) continue;',
        'if (serverId === undefined) continue;',
      ),
    ],
  },
  {
    name: 'an epoch goes on when its zxids are used up',
    shownBy: 'epochs are short',
    edits: [edit('pipeline/leading.ts', 'counterOf(this.#lastProposed) > this.#zxidsPerEpoch', 'false')],
  },
];
