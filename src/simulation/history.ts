import type { ServerId } from '../common/types.ts';
import type { Zxid } from '../common/zxid.ts';
import type { Stat } from '../server/protocol/records.ts';
import { CommittedLog } from './committed-log.ts';
import type { Watch } from './watches.ts';

/** What a simulated client asked for. Values are unique over a whole life. */
export type Operation =
  | { readonly type: 'set'; readonly path: string; readonly value: string; readonly version: number }
  | { readonly type: 'get'; readonly path: string; readonly watch: boolean }
  /** `sync`, then `getData`. */
  | { readonly type: 'syncedGet'; readonly path: string; readonly watch: boolean }
  | { readonly type: 'append'; readonly path: string; readonly value: string; readonly ephemeral: boolean }
  | { readonly type: 'delete'; readonly path: string; readonly version: number }
  | { readonly type: 'multi'; readonly paths: readonly string[]; readonly value: string }
  | { readonly type: 'list'; readonly path: string; readonly watch: boolean }
  /** Creates a box: a container, or a znode with a time to live (which gets a number, if it is `numbered`). */
  | { readonly type: 'box'; readonly path: string; readonly value: string; readonly life: BoxLife }
  /** Creates what is in a box; deletes it; sets the box's data. */
  | { readonly type: 'fill'; readonly path: string; readonly value: string }
  | { readonly type: 'clear'; readonly path: string }
  | { readonly type: 'touch'; readonly path: string; readonly value: string }
  /** `exists`. */
  | { readonly type: 'look'; readonly path: string; readonly watch: boolean }
  /** `addWatch`. */
  | { readonly type: 'watch'; readonly path: string; readonly recursive: boolean }
  /** The session, ended by its client. */
  | { readonly type: 'close' };

/** What ends a box. */
export type BoxLife =
  { readonly type: 'container' } | { readonly type: 'ttl'; readonly ttlMs: number; readonly numbered: boolean };

/** What the client was told. `unknown`: the connection ended first, so it may or may not have happened. */
export type Outcome =
  | { readonly type: 'unknown' }
  | { readonly type: 'refused'; readonly code: number; readonly zxid: Zxid }
  | {
      readonly type: 'done';
      /** The zxid in the reply's header. */
      readonly zxid: Zxid;
      readonly version?: number;
      readonly mzxid?: Zxid;
      /** Of the znode that a create made. */
      readonly czxid?: Zxid;
      /** Whether the znode was there. */
      readonly exists?: boolean;
      readonly value?: string;
      /** The path that a create was given. */
      readonly path?: string;
      readonly children?: readonly string[];
    };

/** One operation of one client, from its sending to its answer. */
export interface OperationRecord {
  readonly client: string;
  readonly sessionId: bigint;
  readonly operation: Operation;
  readonly invokedMs: number;
  completedMs: number;
  outcome: Outcome;
  /** Position among the client's answers; -1 while there was none. */
  answerOrder: number;
}

/** What a client sees of its session, one after the other. */
export type Sight =
  /** It has a connection (again), and sets its watches again at once. */
  | { readonly type: 'connected'; readonly relativeZxid: Zxid; readonly again: readonly Watch[] }
  /** An answer, with the zxid in its header, and the watch that came with it. */
  | {
      readonly type: 'answered' | 'watchesSetAgain';
      readonly zxid: Zxid;
      readonly watch: Watch | undefined;
    }
  /** An EventType at a path; `zxid` is not positive for what changed before the watch was set again. */
  | {
      readonly type: 'event';
      readonly event: number;
      readonly path: string;
      readonly zxid: Zxid;
      readonly atMs: number;
    };

/** Everything that an outsider could see of a life. The checkers know nothing else of the code under test. */
export interface History {
  readonly operations: OperationRecord[];
  readonly leaders: { readonly server: ServerId; readonly epoch: number; readonly atMs: number }[];
  /** What members applied as committed, in the order of the first time. */
  readonly committed: CommittedLog;
  /** What the members contradicted each other in, noted as it happened. */
  readonly contradictions: string[];
  /** Sessions of which a client was told that they are no more. */
  readonly expirations: SessionEnd[];
  /** Who was given each session. */
  readonly sessions: Map<bigint, string>;
  /** What each session of each client saw. */
  readonly sights: Map<string, Sight[]>;
  /** The configurations that came into force, in the order of that; and those of which the administrator was told so. */
  readonly configurations: { readonly server: ServerId; readonly text: string }[];
  readonly reconfigurations: string[];
}

/** A session that ended, though its client did not ask for it. */
export interface SessionEnd {
  readonly client: string;
  readonly sessionId: bigint;
  readonly timeoutMs: number;
  /** When its last connection that worked began; -1 for a session that is older than what was seen. */
  readonly heldSinceMs: number;
  readonly toldMs: number;
}

export function emptyHistory(): History {
  return {
    operations: [],
    leaders: [],
    committed: new CommittedLog(),
    contradictions: [],
    expirations: [],
    sessions: new Map(),
    sights: new Map(),
    configurations: [],
    reconfigurations: [],
  };
}

export interface FinalZnode extends Stat {
  readonly value: string;
}

/** The tree that a member serves after everything has come to rest. */
export interface FinalState {
  readonly server: ServerId;
  /** Where it stood when the reading began. */
  readonly zxid: Zxid;
  readonly znodes: ReadonlyMap<string, FinalZnode>;
}
