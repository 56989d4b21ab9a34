import type { SessionId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { Database } from '../database/types.ts';
import type { Acl } from '../protocol/records.ts';
import { Fifo } from './fifo.ts';

/** What preparing a request needs to know of a znode, as it will be once everything proposed so far is applied. */
export interface ChangeRecord {
  readonly path: string;
  /** The last proposal that changed it. */
  zxid: Zxid;
  exists: boolean;
  version: number;
  /** As stored: counts creates. */
  cversion: number;
  aversion: number;
  /** As stored: 0, a session, or the mark of a container or TTL znode. */
  ephemeralOwner: SessionId;
  childCount: number;
  acl: readonly Acl[];
}

interface Change {
  readonly record: ChangeRecord;
  readonly zxid: Zxid;
}

/**
 * The znodes that proposals under way will change: what the leader prepares requests against, on top of the database.
 * One record for each path holds the newest state; it goes when its last change has been applied.
 */
export class OutstandingChanges {
  readonly #database: Database;
  readonly #records = new Map<string, ChangeRecord>();
  readonly #changes = new Fifo<Change>();
  /** Ephemerals that are being created, by session: the database does not know them yet, closeSession must. */
  readonly #creates = new Map<SessionId, Set<string>>();
  /** While a multi is prepared: how the records were before (undefined: there was none), by path. */
  #undo: Map<string, ChangeRecord | undefined> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The znode at a path as it will be, or undefined if there will be none. Changed only after {@link change}. */
  get(path: string): ChangeRecord | undefined {
    const record = this.#records.get(path);
    if (record !== undefined) return record.exists ? record : undefined;
    const znode = this.#database.znode(path);
    if (znode === undefined) return undefined;
    return {
      path,
      zxid: 0,
      exists: true,
      version: znode.version,
      cversion: znode.storedCversion,
      aversion: znode.aversion,
      ephemeralOwner: znode.storedEphemeralOwner,
      childCount: znode.children.size,
      acl: znode.acl,
    };
  }

  /** Whether a proposal under way changes the znode at a path. */
  has(path: string): boolean {
    return this.#records.has(path);
  }

  /** The proposal `zxid` is about to change the record, which {@link get} returned. */
  change(record: ChangeRecord, zxid: Zxid): void {
    const known = this.#records.get(record.path);
    if (this.#undo !== undefined && !this.#undo.has(record.path)) {
      this.#undo.set(record.path, known === undefined ? undefined : { ...known });
    }
    record.zxid = zxid;
    if (known === undefined) this.#records.set(record.path, record);
    this.#changes.push({ record, zxid });
  }

  /** The proposal `zxid` creates a znode where there is none. */
  create(path: string, zxid: Zxid, ephemeralOwner: SessionId, acl: readonly Acl[]): void {
    const record = this.#records.get(path) ?? absent(path);
    this.change(record, zxid);
    record.exists = true;
    record.version = 0;
    record.cversion = 0;
    record.aversion = 0;
    record.ephemeralOwner = ephemeralOwner;
    record.childCount = 0;
    record.acl = acl;
    this.#noteEphemeral(record);
  }

  /** The proposal `zxid` deletes the znode. */
  delete(record: ChangeRecord, zxid: Zxid): void {
    this.change(record, zxid);
    this.#forgetEphemeral(record);
    record.exists = false;
    record.ephemeralOwner = 0n;
  }

  /** The ephemerals that a session will have when everything proposed so far is applied. */
  ephemerals(session: SessionId): string[] {
    const paths = new Set(this.#database.ephemerals(session));
    for (const path of this.#creates.get(session) ?? []) paths.add(path);
    const alive: string[] = [];
    for (const path of paths) {
      const record = this.#records.get(path);
      if (record === undefined || (record.exists && record.ephemeralOwner === session)) alive.push(path);
    }
    return alive;
  }

  /** The proposal has been applied: what nothing newer changes is the database's to tell again. */
  applied(zxid: Zxid): void {
    for (
      let change = this.#changes.peek();
      change !== undefined && change.zxid <= zxid;
      change = this.#changes.peek()
    ) {
      this.#changes.shift();
      const { record } = change;
      if (record.zxid === change.zxid && this.#records.get(record.path) === record) this.#drop(record);
    }
  }

  /** From here on changes can be undone, until {@link keep} or {@link undo}. */
  beginUndo(): void {
    this.#undo = new Map();
  }

  keep(): void {
    this.#undo = undefined;
  }

  /** Takes back every change since {@link beginUndo}. */
  undo(): void {
    const undo = this.#undo ?? new Map<string, ChangeRecord | undefined>();
    this.#undo = undefined;
    for (const [path, before] of undo) {
      const record = this.#records.get(path);
      if (record === undefined) continue;
      this.#forgetEphemeral(record);
      if (before === undefined) {
        this.#records.delete(path);
      } else {
        Object.assign(record, before);
        this.#noteEphemeral(record);
      }
    }
  }

  #drop(record: ChangeRecord): void {
    this.#records.delete(record.path);
    this.#forgetEphemeral(record);
  }

  #noteEphemeral(record: ChangeRecord): void {
    if (record.ephemeralOwner === 0n || !record.exists) return;
    const paths = this.#creates.get(record.ephemeralOwner);
    if (paths === undefined) this.#creates.set(record.ephemeralOwner, new Set([record.path]));
    else paths.add(record.path);
  }

  #forgetEphemeral(record: ChangeRecord): void {
    if (record.ephemeralOwner === 0n) return;
    const paths = this.#creates.get(record.ephemeralOwner);
    if (paths === undefined || !paths.delete(record.path)) return;
    if (paths.size === 0) this.#creates.delete(record.ephemeralOwner);
  }
}

function absent(path: string): ChangeRecord {
  return {
    path,
    zxid: 0,
    exists: false,
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeralOwner: 0n,
    childCount: 0,
    acl: [],
  };
}
