import { crc32 } from 'node:zlib';
import { OpCode, ReplyCode } from '../../protocol/opcodes.ts';
import type { Acl, StatPersisted } from '../../protocol/records.ts';
import type { Txn, TxnHeader } from '../../protocol/transactions.ts';

/** A znode of the model, and what a snapshot says of one. */
export interface ModelZnode extends StatPersisted {
  readonly data: string | null;
  readonly acl: readonly Acl[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Create = Extract<Txn, { parentCVersion: number }>;

const SYSTEM_DATA = '';
const ZERO_STAT: StatPersisted = {
  czxid: 0,
  mzxid: 0,
  ctimeMs: 0,
  mtimeMs: 0,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  pzxid: 0,
};
const OPEN: readonly Acl[] = [{ perms: 31, scheme: 'world', id: 'anyone' }];
const READ: readonly Acl[] = [{ perms: 1, scheme: 'world', id: 'anyone' }];

/** The rules of ZooKeeper's DataTree.processTxn over a Map of paths, as plainly as they can be said. Quotas are left out. */
export class Model {
  readonly znodes = new Map<string, Writable<ModelZnode>>([
    ['/', { ...ZERO_STAT, data: SYSTEM_DATA, acl: OPEN }],
    ['/zookeeper', { ...ZERO_STAT, data: SYSTEM_DATA, acl: OPEN }],
    ['/zookeeper/quota', { ...ZERO_STAT, data: SYSTEM_DATA, acl: OPEN }],
    ['/zookeeper/config', { ...ZERO_STAT, data: SYSTEM_DATA, acl: READ, aversion: -1 }],
  ]);
  readonly sessions = new Map<bigint, number>();

  /** @returns the codes of the transaction and, for a multi, of its parts. */
  apply(header: TxnHeader, txn: Txn): readonly number[] {
    if (txn.type !== OpCode.multi) return [this.#one(header, txn)];
    const errorAt = txn.parts.findIndex((part) => part.type === OpCode.error);
    const codes = txn.parts.map((part, i) => {
      if (part.type === OpCode.error) return part.error;
      if (errorAt === -1) return this.#one(header, part);
      return i < errorAt ? ReplyCode.ok : ReplyCode.runtimeInconsistency;
    });
    return [codes.find((code) => code !== 0) ?? 0, ...codes];
  }

  childrenOf(path: string): string[] {
    const prefix = path === '/' ? '/' : `${path}/`;
    return [...this.znodes.keys()].filter(
      (other) => other !== '/' && other.startsWith(prefix) && !other.slice(prefix.length).includes('/'),
    );
  }

  ephemeralsOf(session: bigint): string[] {
    return [...this.znodes].filter(([, znode]) => znode.ephemeralOwner === session).map(([path]) => path);
  }

  digest(): bigint {
    let sum = 0n;
    for (const [path, znode] of this.znodes) {
      if (path.startsWith('/zookeeper/')) continue;
      const stat = Buffer.alloc(60);
      const wide = [znode.czxid, znode.mzxid, znode.pzxid, znode.ctimeMs, znode.mtimeMs];
      for (const [i, value] of wide.entries()) stat.writeBigInt64BE(BigInt(value), i * 8);
      for (const [i, value] of [znode.version, znode.cversion, znode.aversion].entries()) {
        stat.writeInt32BE(value, 40 + i * 4);
      }
      stat.writeBigInt64BE(znode.ephemeralOwner, 52);
      const name = Buffer.from(path === '/' ? '' : path);
      sum += BigInt(crc32(Buffer.concat([name, Buffer.from(znode.data ?? '', 'latin1'), stat])));
    }
    return BigInt.asIntN(64, sum);
  }

  #one(header: TxnHeader, txn: Txn): number {
    switch (txn.type) {
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL:
        return this.#create(header, txn);
      case OpCode.delete:
      case OpCode.deleteContainer:
        return this.#delete(txn.path, header.zxid);
      case OpCode.setData:
      case OpCode.reconfig: {
        const znode = this.znodes.get(txn.path);
        if (znode === undefined) return ReplyCode.noNode;
        const { zxid: mzxid, timeMs: mtimeMs } = header;
        Object.assign(znode, { data: textOf(txn.data), version: txn.version, mzxid, mtimeMs });
        return ReplyCode.ok;
      }
      case OpCode.setACL: {
        const znode = this.znodes.get(txn.path);
        if (znode === undefined) return ReplyCode.noNode;
        Object.assign(znode, { acl: txn.acl, aversion: txn.version });
        return ReplyCode.ok;
      }
      case OpCode.createSession:
        this.sessions.set(header.sessionId, txn.timeoutMs);
        return ReplyCode.ok;
      case OpCode.closeSession:
        this.sessions.delete(header.sessionId);
        for (const path of txn.paths ?? []) this.#delete(path, header.zxid);
        for (const path of this.ephemeralsOf(header.sessionId)) this.#delete(path, header.zxid);
        return ReplyCode.ok;
      case OpCode.error:
        return txn.error;
      default:
        return ReplyCode.ok;
    }
  }

  #create({ sessionId, zxid, timeMs }: TxnHeader, txn: Create): number {
    const parent = this.znodes.get(parentOf(txn.path));
    if (parent === undefined) return ReplyCode.noNode;
    const cversion = txn.parentCVersion === -1 ? parent.cversion + 1 : txn.parentCVersion;
    const existing = this.znodes.get(txn.path);
    if (existing !== undefined) {
      existing.acl = txn.acl;
      if (txn.type === OpCode.create && cversion > parent.cversion) Object.assign(parent, { cversion, pzxid: zxid });
      return ReplyCode.nodeExists;
    }
    if (cversion > parent.cversion) Object.assign(parent, { cversion, pzxid: zxid });
    let ephemeralOwner = 0n;
    if (txn.type === OpCode.createContainer) ephemeralOwner = -(2n ** 63n);
    else if (txn.type === OpCode.createTTL) ephemeralOwner = -(2n ** 56n) + BigInt(txn.ttlMs);
    else if (txn.ephemeral) ephemeralOwner = sessionId;
    const times = { ctimeMs: timeMs, mtimeMs: timeMs, czxid: zxid, mzxid: zxid, pzxid: zxid };
    this.znodes.set(txn.path, { ...ZERO_STAT, ...times, ephemeralOwner, data: textOf(txn.data), acl: txn.acl });
    return ReplyCode.ok;
  }

  #delete(path: string, zxid: number): number {
    const parent = this.znodes.get(parentOf(path));
    if (parent === undefined) return ReplyCode.noNode;
    parent.pzxid = Math.max(parent.pzxid, zxid);
    if (!this.znodes.delete(path)) return ReplyCode.noNode;
    for (const other of this.znodes.keys()) if (other.startsWith(`${path}/`)) this.znodes.delete(other);
    return ReplyCode.ok;
  }
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** Data as a string of its bytes, so that states can be compared deeply. */
export function textOf(data: Uint8Array | null): string | null {
  return data === null ? null : Buffer.from(data).toString('latin1');
}
