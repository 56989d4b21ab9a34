import { edit } from './mutation.ts';
import type { Mutation } from './mutation.ts';

const POWER = 'the power fails everywhere at once';
const ELECTIONS = 'servers lose their power while they elect';
const FAR_BEHIND = 'servers come back from far behind';

/** What is promised before it is durable, and what a disk does not give back as it was. */
export const DISK_FLAWS: readonly Mutation[] = [
  {
    name: 'a follower acknowledges before its disk has the proposal',
    shownBy: POWER,
    edits: [
      edit(
        'zab/learner-log.ts',
        'if (!this.#observer && zxid > this.#acked) this.#pending.push({ ticket, zxid });',
        'if (!this.#observer && zxid > this.#acked) { this.#pending.push({ ticket, zxid }); this.persisted(ticket); }',
      ),
    ],
  },
  {
    name: 'the leader counts itself before its disk has the proposal',
    shownBy: POWER,
    edits: [
      edit(
        'zab/broadcast.ts',
        'this.#appends.push({ ticket, zxid: last.zxid, sinceMs: nowMs });',
        'this.#acks.acknowledge(this.#context.serverId, last.zxid); this.#appends.push({ ticket, zxid: last.zxid, sinceMs: nowMs });',
      ),
    ],
  },
  {
    name: 'the log is not synced',
    shownBy: POWER,
    edits: [
      edit(
        'storage/transaction-log.ts',
        'const startMs = this.#options.nowMs();\n    file.sync();',
        'const startMs = this.#options.nowMs();',
      ),
    ],
  },
  {
    name: 'NEWLEADER is acknowledged before the history is durable',
    shownBy: ELECTIONS,
    edits: [
      edit(
        'zab/learner.ts',
        'this.#ticket = this.#log.begin(this.#incoming, epoch);',
        'this.#ticket = this.#log.begin(this.#incoming, epoch); this.#context.mayVote = true; this.#acknowledgeHistory();',
      ),
    ],
  },
  {
    name: 'the current epoch becomes durable before the history',
    shownBy: ELECTIONS,
    edits: [
      edit(
        'zab/learner-log.ts',
        "persist([...append, { type: 'currentEpoch', epoch }])",
        "persist([{ type: 'currentEpoch', epoch }, ...append])",
      ),
    ],
  },
  {
    name: 'an epoch is renamed into place without a sync of its directory',
    shownBy: ELECTIONS,
    edits: [
      edit(
        'storage/epoch-files.ts',
        'disk.rename(temporary, name);\n  disk.syncDirectory();',
        'disk.rename(temporary, name);',
      ),
    ],
  },
  {
    name: 'a cut of the log leaves the entries behind it',
    shownBy: 'leaders wake up in the past',
    edits: [
      edit(
        'storage/engine.ts',
        "dropEntriesBeyond(this.#disks.logs, zxid, 'refuse');\n      this.#log.continueAfter(zxid);",
        'this.#log.continueAfter(zxid);',
      ),
    ],
  },
  {
    name: 'a snapshot is not kept apart from what comes after it',
    shownBy: FAR_BEHIND,
    edits: [
      edit(
        'database/tree-versions.ts',
        'if (!this.#isSeen(id)) return;\n    const records',
        'return;\n    const records',
      ),
    ],
  },
  {
    name: 'a purge drops the log that its newest snapshot needs',
    shownBy: FAR_BEHIND,
    edits: [
      edit(
        'storage/snapshot-files.ts',
        'logs.filter((_log, at) => (logs[at + 1]?.zxid ?? Infinity) <= oldest.zxid + 1)',
        'logs.filter((_log, at) => at + 1 < logs.length)',
      ),
    ],
  },
  {
    name: 'the entries that a snapshot holds are applied once more',
    shownBy: FAR_BEHIND,
    edits: [
      edit('storage/recovery.ts', 'if (entry.zxid > this.#from) this.#entry', 'this.#entry'),
      edit(
        'storage/recovery.ts',
        'if (!followsInLog(this.lastZxid, entry.zxid)) throw gap(name, this.lastZxid, entry.zxid);',
        '',
      ),
    ],
  },
];
