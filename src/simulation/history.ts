import type { ServerId } from '../common/types.ts';
import type { Zxid } from '../common/zxid.ts';
import { CommittedLog } from './committed-log.ts';

/** What a simulated client asked for. Values are unique over a whole life. */
export type Operation =
  | { readonly type: 'set'; readonly path: string; readonly value: string; readonly version: number }
  | { readonly type: 'get'; readonly path: string }
  /** `sync`, then `getData`. */
  | { readonly type: 'syncedGet'; readonly path: string }
  | { readonly type: 'append'; readonly path: string; readonly value: string; readonly ephemeral: boolean }
  | { readonly type: 'delete'; readonly path: string; readonly version: number }
  | { readonly type: 'multi'; readonly paths: readonly string[]; readonly value: string }
  | { readonly type: 'list'; readonly path: string };

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
      readonly value?: string;
      /** The path that a sequential create was given. */
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

/** Everything that an outsider could see of a life. The checkers know nothing else of the code under test. */
export interface History {
  readonly operations: OperationRecord[];
  readonly leaders: { readonly server: ServerId; readonly epoch: number; readonly atMs: number }[];
  /** What members applied as committed, in the order of the first time. */
  readonly committed: CommittedLog;
  /** What the members contradicted each other in, noted as it happened. */
  readonly contradictions: string[];
  /** Sessions that were told, or ought to know, that they ended. */
  readonly expiredSessions: Set<bigint>;
}

export function emptyHistory(): History {
  return { operations: [], leaders: [], committed: new CommittedLog(), contradictions: [], expiredSessions: new Set() };
}

/** The tree that a member serves after everything has come to rest. */
export interface FinalState {
  readonly server: ServerId;
  readonly znodes: ReadonlyMap<string, { readonly value: string; readonly version: number; readonly mzxid: Zxid }>;
}
