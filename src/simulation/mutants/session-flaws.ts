import { edit } from './mutation.ts';
import type { Mutation } from './mutation.ts';

const PAST = 'leaders wake up in the past';
const CLIENTS = 'clients come and go';
const EVERYTHING = 'everything at once';

/** What a client is told, in which order, and how long its session lasts. */
export const SESSION_FLAWS: readonly Mutation[] = [
  {
    name: 'a sync is answered without asking whether this server still leads',
    shownBy: PAST,
    edits: [edit('pipeline/sync-queue.ts', 'next.token > this.#confirmedToken', 'false')],
  },
  {
    name: 'the echo of an earlier ping confirms that a server still leads',
    shownBy: { file: 'server/zab/leader.test.ts', name: 'an answer to an earlier ping confirms nothing' },
    edits: [edit('zab/leadership-check.ts', 'due === undefined || handler.pingsAnswered < due', 'due === undefined')],
  },
  {
    name: 'a read overtakes the writes before it',
    shownBy: CLIENTS,
    edits: [
      edit(
        'pipeline/request-order.ts',
        'if (client.queue.length === 0) {\n      this.#reads',
        'if (client.queue.length >= 0) {\n      this.#reads',
      ),
    ],
  },
  {
    name: 'a client is let in that has seen more than its server',
    // A server that is behind hears from the leader whether the session is alive, and has heard all else by then.
    shownBy: {
      file: 'server/pipeline/sessions.test.ts',
      name: 'a client that has seen more than this server is sent elsewhere',
    },
    edits: [edit('pipeline/clients.ts', 'if (request.lastZxidSeen > this.#database.lastZxid) {', 'if (false) {')],
  },
  {
    name: 'a connection that its client has left may still write',
    shownBy: CLIENTS,
    edits: [
      edit(
        'pipeline/session-tracker.ts',
        'return session.owner === owner ? ReplyCode.ok : ReplyCode.sessionMoved;',
        'return ReplyCode.ok;',
      ),
    ],
  },
  {
    name: 'the leader does not hear whose clients are alive',
    shownBy: CLIENTS,
    edits: [
      edit('pipeline/leading.ts', 'this.#sessions.touch(sessionId, timeoutMs, this.#step.nowMs);\n        }', '}'),
    ],
  },
  {
    name: 'a leader that stood still ends sessions before it hears who lives',
    shownBy: {
      file: 'server/pipeline/sessions.test.ts',
      name: 'a leader that stood still hears first who lives, at its followers as well, before it ends a session',
    },
    edits: [edit('pipeline/leading.ts', 'if (stalled) this.#expiresAgainAtMs = nowMs + this.#tickTimeMs;', '')],
  },
  {
    name: 'the ephemerals of a session outlive it',
    shownBy: CLIENTS,
    edits: [
      edit('database/apply.ts', 'for (const path of txn.paths ?? []) this.#delete(state, path, header);', ''),
      edit(
        'database/apply.ts',
        'for (const id of state.tree.owners.ephemerals(header.sessionId)) {',
        'for (const id of []) {',
      ),
    ],
  },
  {
    name: 'the end of a session takes what others are creating with it',
    shownBy: CLIENTS,
    edits: [
      edit(
        'pipeline/changes.ts',
        'for (const path of this.#creates.get(session) ?? []) paths.add(path);',
        'for (const created of this.#creates.values()) for (const path of created) paths.add(path);',
      ),
      edit(
        'pipeline/changes.ts',
        '(record.exists && record.ephemeralOwner === session)',
        '(record.exists && record.ephemeralOwner !== 0n)',
      ),
    ],
  },
  {
    name: 'a set does not look at the version that it is for',
    shownBy: EVERYTHING,
    edits: [
      edit(
        'pipeline/prepare.ts',
        'if (path === CONFIG_PATH) return ReplyCode.badArguments;\n    if (!versionFits(record.version, request.version)) return ReplyCode.badVersion;',
        'if (path === CONFIG_PATH) return ReplyCode.badArguments;',
      ),
    ],
  },
  {
    name: 'a set looks at what is applied, not at what is under way',
    shownBy: EVERYTHING,
    edits: [
      edit(
        'pipeline/prepare.ts',
        'record.version = version;\n    return { type: OpCode.setData',
        'return { type: OpCode.setData',
      ),
    ],
  },
];
