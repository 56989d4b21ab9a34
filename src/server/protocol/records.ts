import type { SessionId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';

/** One entry of an access control list: permission bits for an identity. */
export interface Acl {
  readonly perms: number;
  readonly scheme: string;
  readonly id: string;
}

/** Who a connection has shown itself to be, for instance `digest` `user:hash` or `ip` `10.0.0.7`. */
export interface Identity {
  readonly scheme: string;
  readonly id: string;
}

/** A znode's Stat as it stands on the wire. Times are milliseconds since 1970. */
export interface Stat {
  readonly czxid: Zxid;
  readonly mzxid: Zxid;
  readonly ctimeMs: number;
  readonly mtimeMs: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: SessionId;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: Zxid;
}

/** A znode's stat as snapshots hold it: cversion counts creates and deletes as stored, ephemeralOwner is the raw value. */
export interface StatPersisted {
  readonly czxid: Zxid;
  readonly mzxid: Zxid;
  readonly ctimeMs: number;
  readonly mtimeMs: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: SessionId;
  readonly pzxid: Zxid;
}
