import { edit, transcript } from './mutation.ts';
import type { Mutation } from './mutation.ts';

const CONFIGURATIONS = 'the configuration changes all the time';
const GROUPS = 'voters count in groups';
const LOST_DISKS = 'disks are lost';

/** Who counts: while the configuration changes, with an empty disk, and without a vote. */
export const MEMBERSHIP_FLAWS: readonly Mutation[] = [
  {
    name: 'where voters are in groups, half of the groups are a quorum',
    shownBy: GROUPS,
    edits: [
      edit(
        'zab/membership.ts',
        'return won.length * 2 > weighted.length;',
        'return won.length * 2 >= weighted.length;',
      ),
    ],
  },
  {
    name: 'a configuration comes into force again, or an older one does',
    shownBy: CONFIGURATIONS,
    edits: [edit('zab/context.ts', 'if (membership.version <= this.membership.version) return;', '')],
  },
  {
    name: 'a reconfiguration is committed by a quorum of the old configuration alone',
    shownBy: transcript('reconfiguration', 'a reconfiguration needs quorums of both configurations'),
    edits: [
      edit(
        'zab/broadcast.ts',
        'zxid >= next.version ? [membership, next] : [membership]',
        'zxid >= next.version ? [membership] : [membership]',
      ),
    ],
  },
  {
    name: 'a reconfiguration is committed by a quorum of the new configuration alone',
    shownBy: transcript(
      'reconfiguration',
      'a reconfiguration is not committed by a quorum of the new configuration alone',
    ),
    edits: [
      edit(
        'zab/broadcast.ts',
        'zxid >= next.version ? [membership, next] : [membership]',
        'zxid >= next.version ? [next] : [membership]',
      ),
    ],
  },
  {
    name: 'a leader that has logged a reconfiguration needs a quorum of the old configuration alone',
    shownBy: transcript(
      'reconfiguration',
      'who has logged a reconfiguration and was not told that it is committed does not lead without its quorum',
    ),
    edits: [
      edit(
        'zab/context.ts',
        'return this.next === undefined ? [this.membership] : [this.membership, this.next];',
        'return [this.membership];',
      ),
    ],
  },
  {
    name: 'a reconfiguration is in force as soon as it is logged',
    shownBy: transcript(
      'reconfiguration',
      'a reconfiguration is not committed by a quorum of the new configuration alone',
    ),
    edits: [
      edit('zab/context.ts', 'this.next = membership;\n    this.emit', 'this.activate(membership);\n    this.emit'),
    ],
  },
  {
    name: 'nobody hears of a reconfiguration that only some have logged',
    shownBy: CONFIGURATIONS,
    edits: [edit('zab/context.ts', "const nextConfig = this.next?.text ?? '';", "const nextConfig = '';")],
  },
  {
    name: 'who is in no configuration counts in quorums',
    shownBy: CONFIGURATIONS,
    edits: [edit('zab/membership.ts', 'for (const id of ids) if (voters.has(id)) present++;', 'present = ids.size;')],
  },
  {
    name: 'an observer counts when an epoch is established',
    shownBy: CONFIGURATIONS,
    edits: [
      edit(
        'zab/learner-table.ts',
        'return !isObserver && serverId !== undefined && weightIn',
        'if (isObserver) return true;\n    return serverId !== undefined && weightIn',
      ),
      edit('zab/membership.ts', 'for (const id of ids) if (voters.has(id)) present++;', 'present = ids.size;'),
    ],
  },
  {
    name: 'an empty disk votes',
    shownBy: LOST_DISKS,
    edits: [edit('zab/context.ts', 'this.mayVote = config.mayVote;', 'this.mayVote = true;')],
  },
  {
    name: 'an empty disk votes as soon as anything is on it',
    shownBy: {
      file: 'server/zab/learner.test.ts',
      name: 'a server without a vote has one as soon as a whole history is on its disk, though the leader is lost by then',
    },
    edits: [
      edit(
        'zab/context.ts',
        'if (this.mayVote || ticket < this.#wholeHistory) return false;',
        'if (this.mayVote) return false;',
      ),
    ],
  },
  {
    name: 'a server that has lost its disk helps to establish an epoch',
    shownBy: transcript('election', 'a server that has lost its disk does not help to establish an epoch'),
    edits: [
      edit('zab/learner-table.ts', "handler.stage === 'synced' && handler.keptPromises", "handler.stage === 'synced'"),
    ],
  },
  {
    name: 'the epoch of a state that was restored does not count',
    shownBy: LOST_DISKS,
    edits: [
      edit('storage/recovery.ts', 'const lastEpoch = epochOf(lastZxid);', 'const lastEpoch = 0;'),
      edit(
        'zab/context.ts',
        'Math.max(acceptedEpoch, currentEpoch, epochOf(lastZxid))',
        'Math.max(acceptedEpoch, currentEpoch)',
      ),
    ],
  },
];
