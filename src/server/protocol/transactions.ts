import type { SessionId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { OpCode } from './opcodes.ts';
import type { Acl } from './records.ts';

/** What stands before every transaction in a log record and in a PROPOSAL (TxnHeader). */
export interface TxnHeader {
  readonly sessionId: SessionId;
  readonly cxid: number;
  readonly zxid: Zxid;
  readonly timeMs: number;
  /** An {@link OpCode}; `error` for a request that failed. */
  readonly type: number;
}

/**
 * A transaction's body, as ZooKeeper's log and PROPOSAL packets hold it. `type` is the op code in the header (in a
 * multi: the op code beside each part). `data` null is ZooKeeper's length -1.
 */
export type Txn =
  | {
      readonly type: typeof OpCode.create | typeof OpCode.create2;
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly acl: readonly Acl[];
      readonly ephemeral: boolean;
      readonly parentCVersion: number;
    }
  | {
      readonly type: typeof OpCode.createContainer;
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly acl: readonly Acl[];
      readonly parentCVersion: number;
    }
  | {
      readonly type: typeof OpCode.createTTL;
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly acl: readonly Acl[];
      readonly parentCVersion: number;
      readonly ttlMs: number;
    }
  | { readonly type: typeof OpCode.delete | typeof OpCode.deleteContainer; readonly path: string }
  | {
      /** `version` is the new version. */
      readonly type: typeof OpCode.setData | typeof OpCode.reconfig;
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly version: number;
    }
  | {
      /** `version` is the new ACL version. */
      readonly type: typeof OpCode.setACL;
      readonly path: string;
      readonly acl: readonly Acl[];
      readonly version: number;
    }
  | { readonly type: typeof OpCode.check; readonly path: string; readonly version: number }
  | { readonly type: typeof OpCode.createSession; readonly timeoutMs: number }
  | {
      /** The ephemerals that die with the session; null in transactions of old servers, which list none. */
      readonly type: typeof OpCode.closeSession;
      readonly paths: readonly string[] | null;
    }
  | { readonly type: typeof OpCode.error; readonly error: number }
  | { readonly type: typeof OpCode.multi; readonly parts: readonly Txn[] };

/**
 * One entry of the replicated log. `bytes` are exactly what a log record and a PROPOSAL hold: TxnHeader, the
 * transaction and, where there is one, its digest. The layers that only carry an entry never look inside.
 */
export interface LogEntry {
  readonly zxid: Zxid;
  readonly bytes: Uint8Array;
}
