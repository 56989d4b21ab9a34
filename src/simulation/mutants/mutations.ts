/** A flaw to sow: in `file` (below `src`), `from`, which stands there exactly once, becomes `to`. */
export interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /**
   * The test that shows the flaw, where it takes more coincidences than a simulated life has, or where nothing else needs it to
   * be safe.
   */
  readonly shownBy?: NamedTest;
}

/** A test: its file (below `src`) and its name there. */
export interface NamedTest {
  readonly file: string;
  readonly name: string;
}

const transcript = (group: string, name: string): NamedTest => ({
  file: `server/zab/transcripts/${group}.test.ts`,
  name: `transcript: ${name}`,
});

/** Flaws that lose or contradict what clients were told. The simulator, or the test that is named, must catch each of them. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'a follower acknowledges before its disk has the proposal',
    file: 'server/zab/learner-log.ts',
    from: 'if (!this.#observer && zxid > this.#acked) this.#pending.push({ ticket, zxid });',
    to: 'if (!this.#observer && zxid > this.#acked) { this.#pending.push({ ticket, zxid }); this.persisted(ticket); }',
  },
  {
    name: 'the leader counts itself before its disk has the proposal',
    file: 'server/zab/broadcast.ts',
    from: 'this.#appends.push({ ticket, zxid: last.zxid, sinceMs: nowMs });',
    to: 'this.#acks.acknowledge(this.#context.serverId, last.zxid); this.#appends.push({ ticket, zxid: last.zxid, sinceMs: nowMs });',
  },
  {
    name: 'half of the voters, one less than a majority, are a quorum',
    file: 'server/zab/membership.ts',
    from: 'return present * 2 > voters.size;',
    to: 'return present * 2 > voters.size - 2;',
  },
  {
    name: 'NEWLEADER is acknowledged before the history is durable',
    file: 'server/zab/learner.ts',
    from: 'this.#ticket = this.#log.begin(this.#incoming, epoch);',
    to: 'this.#ticket = this.#log.begin(this.#incoming, epoch); this.#context.mayVote = true; this.#acknowledgeHistory();',
  },
  {
    name: 'the current epoch becomes durable before the history',
    file: 'server/zab/learner-log.ts',
    from: "persist([...append, { type: 'currentEpoch', epoch }])",
    to: "persist([{ type: 'currentEpoch', epoch }, ...append])",
  },
  {
    // No life of our own servers can show it: whoever has an entry of an epoch has that epoch's initial history, and so has
    // every later leader, so what is cut off ends there. ZooKeeper's servers do not do it, and count on that of others.
    name: 'TRUNC crosses an epoch',
    file: 'server/zab/sync-plan.ts',
    from: 'if (counterOf(known) !== 0 && epochOf(known) === epochOf(learnerZxid)) return',
    to: 'if (counterOf(known) !== 0 || epochOf(known) !== epochOf(learnerZxid)) return',
    shownBy: { file: 'server/zab/history.test.ts', name: 'the choice of synchronization' },
  },
  {
    name: 'the tail of a learner is taken for a part of the history',
    file: 'server/zab/sync-plan.ts',
    from: 'if (known === learnerZxid || epochBegin) return',
    to: 'if (known <= learnerZxid || epochBegin) return',
  },
  {
    name: 'a vote counts by server id, whatever its history',
    file: 'server/zab/vote.ts',
    from: 'if (candidate.zxid !== current.zxid) return candidate.zxid > current.zxid;\n  return',
    to: 'return',
  },
  {
    name: 'a leader leads voters that are ahead of it',
    file: 'server/zab/leader.ts',
    from: 'return zxid > this.#context.history.logged;',
    to: 'return false;',
    shownBy: transcript('leader', 'leader, a follower is ahead'),
  },
  {
    name: 'an accepted epoch is promised before it is durable',
    file: 'server/zab/learner.ts',
    from: "this.#ticket = this.#context.persist([{ type: 'acceptedEpoch', epoch }]);",
    to: 'this.#acknowledgeEpoch();',
    shownBy: transcript('synchronization', 'a crash between history and current epoch'),
  },
  {
    name: 'a sync is answered without asking whether this server still leads',
    file: 'server/pipeline/sync-queue.ts',
    from: 'next.token > this.#confirmedToken',
    to: 'false',
  },
  {
    name: 'a read overtakes the writes before it',
    file: 'server/pipeline/request-order.ts',
    from: 'if (client.queue.length === 0) {\n      this.#reads',
    to: 'if (client.queue.length >= 0) {\n      this.#reads',
  },
  {
    name: 'the log is not synced',
    file: 'server/storage/transaction-log.ts',
    from: 'const startMs = this.#options.nowMs();\n    file.sync();',
    to: 'const startMs = this.#options.nowMs();',
  },
  {
    name: 'an epoch is renamed into place without a sync of its directory',
    file: 'server/storage/epoch-files.ts',
    from: 'disk.rename(temporary, name);\n  disk.syncDirectory();',
    to: 'disk.rename(temporary, name);',
  },
  {
    name: 'a cut of the log leaves the entries behind it',
    file: 'server/storage/engine.ts',
    from: "dropEntriesBeyond(this.#disks.logs, zxid, 'refuse');\n      this.#log.continueAfter(zxid);",
    to: 'this.#log.continueAfter(zxid);',
  },
  {
    name: 'what is logged and not committed is no part of the state that stands for election',
    file: 'server/zab/learner-log.ts',
    from: 'this.#context.currentEpoch = epoch;\n    this.#committed = history.committed;',
    to: 'this.#context.currentEpoch = epoch;\n    this.#committed = this.#context.history.logged;',
  },
  {
    name: 'a reconfiguration is committed by a quorum of the old configuration alone',
    file: 'server/zab/broadcast.ts',
    from: 'zxid >= next.version ? [membership, next] : [membership]',
    to: 'zxid >= next.version ? [membership] : [membership]',
  },
  {
    name: 'a reconfiguration is committed by a quorum of the new configuration alone',
    file: 'server/zab/broadcast.ts',
    from: 'zxid >= next.version ? [membership, next] : [membership]',
    to: 'zxid >= next.version ? [next] : [membership]',
    shownBy: transcript(
      'reconfiguration',
      'a reconfiguration is not committed by a quorum of the new configuration alone',
    ),
  },
  {
    name: 'a leader that has logged a reconfiguration needs a quorum of the old configuration alone',
    file: 'server/zab/context.ts',
    from: 'return this.next === undefined ? [this.membership] : [this.membership, this.next];',
    to: 'return [this.membership];',
    shownBy: transcript(
      'reconfiguration',
      'who has logged a reconfiguration and was not told that it is committed does not lead without its quorum',
    ),
  },
  {
    name: 'an empty disk votes',
    file: 'server/zab/context.ts',
    from: 'this.mayVote = config.mayVote;',
    to: 'this.mayVote = true;',
  },
  {
    name: 'a server that has lost its disk helps to establish an epoch',
    file: 'server/zab/learner-table.ts',
    from: "handler.stage === 'synced' && handler.keptPromises",
    to: "handler.stage === 'synced'",
    shownBy: transcript('election', 'a server that has lost its disk does not help to establish an epoch'),
  },
  {
    name: 'nobody hears of a reconfiguration that only some have logged',
    file: 'server/zab/context.ts',
    from: "const nextConfig = this.next?.text ?? '';",
    to: "const nextConfig = '';",
  },
  {
    name: 'a learner is told to cut its log before where it begins',
    file: 'server/zab/sync-plan.ts',
    from: "if (known < snapshotZxid) return { type: 'snap' };",
    to: '',
    shownBy: transcript('synchronization', 'a snapshot of a leader that was never established is replaced by the next'),
  },
];
