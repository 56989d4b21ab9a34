import { decodeUtf8, encodeUtf8 } from '../common/utf8.ts';
import type { JuteReader } from '../server/protocol/jute-reader.ts';
import { readMultiResponse, writeMultiRequest } from '../server/protocol/multi.ts';
import type { MultiOperation, MultiResult } from '../server/protocol/multi.ts';
import { CreateMode, OpCode, Perm } from '../server/protocol/opcodes.ts';
import { readStat } from '../server/protocol/record-codecs.ts';
import type { Acl, Stat } from '../server/protocol/records.ts';
import * as requests from '../server/protocol/requests.ts';
import * as responses from '../server/protocol/responses.ts';
import { parseConnectString } from './connect-string.ts';
import { ZooKeeperError, isFailure, replyError } from './errors.ts';
import { Session } from './session.ts';
import type { RequestedWatch, SessionState } from './session.ts';
import type { WatchKind, Watcher } from './watches.ts';

export interface ZooKeeperOptions {
  /** Default 10 s. The server may grant another. */
  readonly sessionTimeoutMs?: number;
  /** How long an operation may wait for a connection before it fails with operationTimeout. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Called whenever the session's state changes. */
  readonly onState?: (state: SessionState) => void;
}

export type { Stat } from '../server/protocol/records.ts';

/** What a znode is: how long it lives, and whether it is numbered. */
export type ZnodeMode = keyof typeof CreateMode;

/** Every {@link ZnodeMode}. */
export const ZNODE_MODES = Object.keys(CreateMode) as readonly ZnodeMode[];

export interface CreateOptions {
  /** Default `persistent`. */
  readonly mode?: ZnodeMode;
  /** Default: everybody may do everything. */
  readonly acl?: readonly Acl[];
  /** For the modes with a TTL. */
  readonly ttlMs?: number;
}

/** One operation of {@link ZooKeeper.multi}. A version of -1, the default, is any version. */
export type TransactionOperation =
  | { readonly type: 'create'; readonly path: string; readonly data?: Uint8Array; readonly options?: CreateOptions }
  | { readonly type: 'delete' | 'check'; readonly path: string; readonly version?: number }
  | { readonly type: 'set'; readonly path: string; readonly data: Uint8Array | null; readonly version?: number };

/** Who joins and leaves an ensemble, or all of its servers: one of the two. */
export interface MembershipChange {
  /** Lines of the configuration, `server.4=host:2888:3888:participant;2181`; one of a server that is there replaces it. */
  readonly joining?: readonly string[];
  /** Ids. */
  readonly leaving?: readonly number[];
  /** Lines, as for `joining`: the whole new configuration. */
  readonly members?: readonly string[];
  /** Only if the configuration in force has this version: hexadecimal, as its text has it. Default: whichever it is. */
  readonly version?: string;
}

/** Everybody may do everything: what a znode gets that is created without an ACL. */
export const OPEN_ACL: readonly Acl[] = [{ perms: Perm.all, scheme: 'world', id: 'anyone' }];

/** Any version of a znode, or of the configuration. */
const ANY = -1;

const CONFIG_PATH = '/zookeeper/config';

/**
 * A client of a ZooKeeper ensemble. It connects in the background, to one server after another, and keeps its session over
 * reconnects. Every operation fails with {@link ZooKeeperError}; after `connectionLoss` nobody knows whether it happened.
 * Paths are absolute, and below the connect string's chroot.
 */
export class ZooKeeper {
  readonly #session: Session;
  readonly #chroot: string;

  /**
   * @param connectString `host:port,host:port/chroot`
   * @throws CodedError ZK_CONNECT_STRING_INVALID
   */
  constructor(connectString: string, options: ZooKeeperOptions = {}) {
    const { servers, chroot } = parseConnectString(connectString);
    const { sessionTimeoutMs = 10_000, requestTimeoutMs = 30_000, onState = () => undefined } = options;
    this.#chroot = chroot;
    this.#session = new Session({ servers, sessionTimeoutMs, requestTimeoutMs, onState });
  }

  get state(): SessionState {
    return this.#session.state;
  }

  /** 0 before the first connection. */
  get sessionId(): bigint {
    return this.#session.sessionId;
  }

  /** Creates a znode; sequential ones get a number behind their path. */
  async create(
    path: string,
    data: Uint8Array | null = null,
    options: CreateOptions = {},
  ): Promise<{ path: string; stat: Stat }> {
    const operation = this.#createOperation(path, data, options);
    const created = await this.#session.request(
      operation.type,
      path,
      (writer) =>
        operation.type === OpCode.createTTL
          ? requests.writeCreateTtlRequest(writer, operation)
          : requests.writeCreateRequest(writer, operation),
      responses.readCreate2Response,
    );
    return { path: this.#ownPath(created.path), stat: created.stat };
  }

  async delete(path: string, version = ANY): Promise<void> {
    const request = { path: this.#path(path), version };
    await this.#session.request(
      OpCode.delete,
      path,
      (writer) => requests.writePathVersionRequest(writer, request),
      nothing,
    );
  }

  /** The znode's Stat, or undefined if there is none. The watcher is called when it is created, changed or deleted. */
  async exists(path: string, watcher?: Watcher): Promise<Stat | undefined> {
    try {
      return await this.#read(OpCode.exists, path, this.#watch(path, watcher, 'data', 'exists'), readStat);
    } catch (error) {
      if (isFailure(error, 'noNode')) return undefined;
      throw error;
    }
  }

  /** The watcher is called when the data change or the znode is deleted. */
  async get(path: string, watcher?: Watcher): Promise<{ data: Uint8Array | null; stat: Stat }> {
    return this.#read(OpCode.getData, path, this.#watch(path, watcher, 'data'), responses.readGetDataResponse);
  }

  async set(path: string, data: Uint8Array | null, version = ANY): Promise<Stat> {
    const request = { path: this.#path(path), data, version };
    return this.#session.request(
      OpCode.setData,
      path,
      (writer) => requests.writeSetDataRequest(writer, request),
      readStat,
    );
  }

  /** The watcher is called when a child is created or deleted, or the znode itself deleted. */
  async children(path: string, watcher?: Watcher): Promise<{ children: readonly string[]; stat: Stat }> {
    const watch = this.#watch(path, watcher, 'children');
    return this.#read(OpCode.getChildren2, path, watch, responses.readGetChildren2Response);
  }

  async getAcl(path: string): Promise<{ acl: readonly Acl[]; stat: Stat }> {
    const request = { path: this.#path(path) };
    return this.#session.request(
      OpCode.getACL,
      path,
      (writer) => requests.writePathRequest(writer, request),
      responses.readGetAclResponse,
    );
  }

  async setAcl(path: string, acl: readonly Acl[], version = ANY): Promise<Stat> {
    const request = { path: this.#path(path), acl, version };
    return this.#session.request(
      OpCode.setACL,
      path,
      (writer) => requests.writeSetAclRequest(writer, request),
      readStat,
    );
  }

  /** Waits until this client's server has applied everything that was committed before; then its reads see it. */
  async sync(path = '/'): Promise<void> {
    const request = { path: this.#path(path) };
    await this.#session.request(OpCode.sync, path, (writer) => requests.writePathRequest(writer, request), nothing);
  }

  /** All of the operations, or none: then it fails with the error of the one that failed. */
  async multi(operations: readonly TransactionOperation[]): Promise<readonly MultiResult[]> {
    const wire = operations.map((operation) => this.#operation(operation));
    const results = await this.#session.request(
      OpCode.multi,
      '',
      (writer) => writeMultiRequest(writer, wire),
      readMultiResponse,
    );
    for (const [index, result] of results.entries()) {
      if (result.type === OpCode.error && result.error !== 0 && !isRolledBack(result.error)) {
        throw replyError(result.error, operations[index]?.path ?? '');
      }
    }
    return results;
  }

  /** The configuration in force, as this client's server knows it: its `server.N` lines, and `version=` at the end. */
  async configuration(): Promise<string> {
    const request = { path: CONFIG_PATH, watch: false };
    const { data } = await this.#session.request(
      OpCode.getData,
      CONFIG_PATH,
      (writer) => requests.writePathWatchRequest(writer, request),
      responses.readGetDataResponse,
    );
    return decodeUtf8(data ?? new Uint8Array(0));
  }

  /**
   * Changes who belongs to the ensemble, and returns the new configuration's text. Who may write `/zookeeper/config` may do it: see
   * {@link addAuth}. Fails with `badVersion`, `newConfigNoQuorum` (too few of the new voters are synchronized with the leader),
   * `reconfigInProgress`, `badArguments`, `noAuth`, `reconfigDisabled`.
   */
  async reconfig({ joining, leaving, members, version }: MembershipChange): Promise<string> {
    const request = {
      joiningServers: listOf(joining),
      leavingServers: listOf(leaving),
      newMembers: listOf(members),
      configVersion: version === undefined ? ANY : Number.parseInt(version, 16),
    };
    const { data } = await this.#session.request(
      OpCode.reconfig,
      CONFIG_PATH,
      (writer) => requests.writeReconfigRequest(writer, request),
      responses.readGetDataResponse,
    );
    return decodeUtf8(data ?? new Uint8Array(0));
  }

  /** Shows an identity, for instance `digest` and `user:password`. If it is refused, the session's state becomes authFailed. */
  addAuth(scheme: string, proof: string): void {
    this.#session.addAuth({ type: 0, scheme, auth: encodeUtf8(proof) });
  }

  /** Ends the session, with its ephemeral znodes. */
  async close(): Promise<void> {
    await this.#session.close();
  }

  #read<T>(type: number, path: string, watch: RequestedWatch | undefined, read: (reader: JuteReader) => T): Promise<T> {
    const request = { path: this.#path(path), watch: watch !== undefined };
    return this.#session.request(type, path, (writer) => requests.writePathWatchRequest(writer, request), read, watch);
  }

  #watch(
    path: string,
    watcher: Watcher | undefined,
    kind: WatchKind,
    kindIfMissing?: WatchKind,
  ): RequestedWatch | undefined {
    if (watcher === undefined) return undefined;
    return {
      kind,
      path: this.#path(path),
      watcher: (event) => watcher({ type: event.type, path: this.#ownPath(event.path) }),
      ...(kindIfMissing === undefined ? {} : { kindIfMissing }),
    };
  }

  #operation(operation: TransactionOperation): MultiOperation {
    switch (operation.type) {
      case 'create':
        return this.#createOperation(operation.path, operation.data ?? null, operation.options ?? {});
      case 'delete':
      case 'check':
        return {
          type: operation.type === 'delete' ? OpCode.delete : OpCode.check,
          path: this.#path(operation.path),
          version: operation.version ?? ANY,
        };
      case 'set':
        return {
          type: OpCode.setData,
          path: this.#path(operation.path),
          data: operation.data,
          version: operation.version ?? ANY,
        };
    }
  }

  #createOperation(path: string, data: Uint8Array | null, options: CreateOptions) {
    const { mode = 'persistent', acl = OPEN_ACL, ttlMs } = options;
    const request = { path: this.#path(path), data, acl, flags: CreateMode[mode] };
    if (ttlMs !== undefined) return { type: OpCode.createTTL, ...request, ttlMs };
    return { type: mode === 'container' ? OpCode.createContainer : OpCode.create2, ...request };
  }

  /** The path as the servers know it. */
  #path(path: string): string {
    if (!path.startsWith('/')) throw new ZooKeeperError('badArguments', path, 'a path begins with /');
    if (this.#chroot === '') return path;
    return path === '/' ? this.#chroot : `${this.#chroot}${path}`;
  }

  /** The path as this client knows it. */
  #ownPath(path: string): string {
    return path === this.#chroot ? '/' : path.slice(this.#chroot.length);
  }
}

/** An operation that was not tried because another failed: that one's error is what matters. */
function isRolledBack(error: number): boolean {
  return replyError(error, '').failure === 'runtimeInconsistency';
}

/** As the request has it; null for what is not said. */
function listOf(items: readonly (string | number)[] | undefined): string | null {
  return items === undefined || items.length === 0 ? null : items.join(',');
}

function nothing(): void {
  // The answer has no body that matters.
}
