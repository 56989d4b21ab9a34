import { randomFillSync } from 'node:crypto';
import { realpathSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { CodedError } from '../../common/errors.ts';
import type { Logger, Random, ServerId } from '../../common/types.ts';
import { formatZxid } from '../../common/zxid.ts';
import type { Zxid } from '../../common/zxid.ts';
import { membershipOf } from '../config/membership.ts';
import type { OwnServer } from '../config/own-server.ts';
import type { Ensemble } from '../config/ensemble.ts';
import { changeMembership, readEnsemble, readMembership } from '../config/reconfiguration.ts';
import { formatHostPort } from '../config/servers.ts';
import type { HostPort, ServerEntry } from '../config/servers.ts';
import type { HttpConfig, ZooConfig } from '../config/zoo-cfg.ts';
import { createDatabase } from '../database/database.ts';
import { createMember } from '../pipeline/member.ts';
import type { ChangeMembership } from '../pipeline/prepare-context.ts';
import type { Member, MemberConfig } from '../pipeline/types.ts';
import { openStorage } from '../storage/open.ts';
import type { Storage } from '../storage/types.ts';
import type { ZabRole } from '../zab/types.ts';
import { ClientListener } from './client-listener.ts';
import { endInitialization, logBytesMax, mayVote, prepareDirectories } from './data-directory.ts';
import { writeDynamicConfiguration } from './dynamic-configuration.ts';
import { Driver } from './driver.ts';
import { ElectionTransport } from './election-transport.ts';
import { answerFourLetterWord } from './four-letter-words.ts';
import { lockDirectory } from '../storage/instance-lock.ts';
import type { InstanceLock } from '../storage/instance-lock.ts';
import { LeaderLink } from './leader-link.ts';
import { LearnerListener } from './learner-listener.ts';
import { listen, stopListening } from './listen.ts';
import { memoryBytes } from './memory.ts';
import { MemberMeter } from './monitoring/member-meter.ts';
import { RecoveryMeter } from './monitoring/recovery-meter.ts';
import { StateMeter } from './monitoring/state-meter.ts';
import { OwnAddresses } from './own-addresses.ts';
import type { ServerView } from './server-view.ts';
import { StatBaselines } from './stat-baselines.ts';

/** A connection that says nothing whole is closed after this (ZooKeeper's nio.sessionlessCnxnTimeout). */
const SILENCE_MS = 10_000;

/** The part of this machine's memory that watches may take where zoo.cfg does not say it; the reserve of the same size not counted. */
const WATCHES_PART = 1 / 8;

/** How long a stop may take before the process ends as it is; nothing durable depends on it. */
const STOP_MS_MAX = 10_000;

export interface ServerOptions {
  readonly config: ZooConfig;
  readonly own: OwnServer;
  readonly logger: Logger;
  /** See {@link ServerView.podUid}. */
  readonly podUid?: string | undefined;
  /** The process must end at once: a broken invariant, or a disk that refuses. */
  failed(error: unknown): void;
}

const random: Random = {
  next: () => Math.random(),
  fill: (bytes) => void randomFillSync(bytes),
};

/** One server of an ensemble, put together: member, storage, sockets, and what people look at. */
export class ZooServer {
  readonly #options: ServerOptions;
  readonly #member: Member;
  readonly #storage: Storage;
  readonly #driver: Driver;
  readonly #clients: ClientListener;
  readonly #learners: LearnerListener;
  readonly #leader: LeaderLink;
  readonly #election: ElectionTransport;
  readonly #addresses: OwnAddresses;
  readonly #locks: readonly InstanceLock[];
  readonly #http: HttpServer[] = [];
  readonly #stopped = Promise.withResolvers<undefined>();
  readonly #meter = new MemberMeter(performance.now());
  readonly #stateMeter = new StateMeter();
  readonly #recoveryMeter = new RecoveryMeter();
  readonly #baselines = new StatBaselines();
  readonly #view: ServerView;
  /** As the last reconfiguration left it. */
  #ensemble: Ensemble;
  /** One that is, or was, under way. */
  #next: Ensemble | undefined;

  /**
   * Takes the data directory, loads the state, listens, and begins to look for a quorum.
   * @throws CodedError ZK_DATA_IN_USE, ZK_STORAGE_FAILED, ZK_LOG_CORRUPT, ZK_SNAPSHOT_CORRUPT, ZK_STORAGE_MISSING,
   *   ZK_LISTEN_FAILED
   */
  static async start(options: ServerOptions): Promise<ZooServer> {
    const { config } = options;
    prepareDirectories(config);
    // Two names may lead to one directory.
    const directories = new Set([config.dataDir, config.dataLogDir].map((directory) => realpathSync(directory)));
    const server = new ZooServer(
      options,
      await Promise.all([...directories].map((directory) => lockDirectory(directory))),
    );
    await server.#begin();
    return server;
  }

  private constructor(options: ServerOptions, locks: readonly InstanceLock[]) {
    const { config, own, logger } = options;
    this.#options = options;
    this.#ensemble = config.ensemble;
    this.#locks = locks;
    this.#member = createMember(memberConfig(config, own), random, this.#stateMeter);
    this.#storage = this.#openStorage();
    this.#clients = new ClientListener(
      {
        frameBytesMax: config.frameBytesMax,
        connectionsMax: config.connectionsMax,
        connectionsPerAddressMax: config.connectionsPerAddressMax,
        silenceMs: SILENCE_MS,
      },
      {
        connected: (client, address) => this.#driver.push({ type: 'clientConnected', client, address }),
        frame: (client, frame) => this.#driver.push({ type: 'clientFrame', client, frame }),
        drained: (client) => this.#driver.push({ type: 'clientDrained', client }),
        closed: (client) => this.#driver.push({ type: 'clientClosed', client }),
        fourLetterWord: (word) => answerFourLetterWord(word, this.#view),
      },
      logger,
    );
    this.#learners = new LearnerListener(
      {
        connected: (connection) => this.#driver.push({ type: 'learnerConnected', connection }),
        packet: (connection, packet) => this.#driver.push({ type: 'learnerPacket', connection, packet }),
        progress: (connection) => this.#driver.push({ type: 'learnerProgress', connection }),
        closed: (connection) => this.#driver.push({ type: 'learnerClosed', connection }),
      },
      logger,
    );
    this.#leader = new LeaderLink(
      {
        connected: () => this.#driver.push({ type: 'leaderConnected' }),
        packet: (packet) => this.#driver.push({ type: 'leaderPacket', packet }),
        snapshot: (bytes, end) => this.#driver.push({ type: 'leaderSnapshot', bytes, end }),
        closed: (reason) => this.#driver.push({ type: 'leaderClosed', reason }),
      },
      config.peerConnectTimeoutMs,
    );
    this.#election = new ElectionTransport(
      {
        serverId: own.id,
        ownAddresses: () => electionAddressesOf(this.#addresses.own.entry) ?? [],
        addressesOf: (server) => this.#electionAddresses(server),
        connectTimeoutMs: config.peerConnectTimeoutMs,
        vote: (from, notification) => this.#driver.push({ type: 'vote', from, notification }),
      },
      logger,
    );
    this.#addresses = new OwnAddresses(
      own,
      config,
      {
        clients: this.#clients,
        learners: this.#learners,
        election: this.#election,
        failed: (error) => options.failed(error),
      },
      logger,
    );
    this.#driver = new Driver(
      this.#member,
      this.#storage,
      {
        clients: this.#clients,
        learners: this.#learners,
        leader: this.#leader,
        election: this.#election,
        connectLeader: (leader) => this.#leader.connect(this.#quorumAddresses(leader)),
      },
      {
        role: (role) => this.#roleChanged(role),
        configuration: (text, version) => this.#reconfigured(text, version),
        nextConfiguration: (text) => {
          this.#next = readEnsemble(text);
        },
        stopped: () => this.#stopped.resolve(undefined),
        failed: (error) => options.failed(error),
      },
      this.#meter,
      logger,
    );
    const currentConfig = (): ZooConfig => ({ ...config, ensemble: this.#ensemble });
    const currentOwn = (): OwnServer => this.#addresses.own;
    this.#view = {
      get config() {
        return currentConfig();
      },
      get own() {
        return currentOwn();
      },
      startedAtMs: Date.now(),
      podUid: options.podUid,
      status: () => this.#baselines.status(this.#member.status()),
      ensemble: () => this.#member.ensemble(),
      clients: () => this.#baselines.clients(this.#member.clients()),
      inspect: () => this.#member.inspect(),
      resetStats: (of) => this.#resetStats(of),
      storage: () => this.#storage.metrics(),
      learners: () => this.#member.learners(),
      meter: this.#meter,
      stateMeter: this.#stateMeter,
      recoveryMeter: this.#recoveryMeter,
      snapshotRequests: { refusedTooSoon: 0 },
      connections: this.#clients,
      logger,
      snapshot: () => this.#member.snapshot(),
      digests: () => this.#member.digests(),
      handOver: () => this.#driver.push({ type: 'handOver' }),
      adminAccess: (authorization, address) => this.#member.adminAccess(authorization, address),
    };
  }

  #resetStats(of: 'server' | 'clients'): void {
    if (of === 'clients') {
      this.#baselines.resetClients(this.#member.clients());
      return;
    }
    this.#baselines.resetServer(this.#member.status());
    this.#clients.latencies.reset();
  }

  /** Lets the member finish, closes every connection, and waits until everything queued is durable. */
  async stop(): Promise<void> {
    this.#driver.push({ type: 'stop' });
    const patience = setTimeout(() => {
      this.#options.logger.warn('stopping without having finished everything', { waitedMs: STOP_MS_MAX });
      this.#stopped.resolve(undefined);
    }, STOP_MS_MAX);
    await this.#stopped.promise;
    clearTimeout(patience);
    this.#leader.disconnect();
    // Who is being sent a snapshot would be waited for.
    for (const server of this.#http) server.closeAllConnections();
    await Promise.all([
      this.#clients.stop(),
      this.#learners.stop(),
      this.#election.stop(),
      ...this.#http.map((server) => stopListening(server)),
    ]);
    await this.#storage.close();
    for (const lock of this.#locks) lock.release();
  }

  async #begin(): Promise<void> {
    const { config, logger } = this.#options;
    const meter = this.#recoveryMeter;
    const recovery = meter.measure(this.#member.recovery, (receiver) => this.#storage.recover(receiver));
    for (const warning of recovery.warnings) logger.warn(warning);
    logger.info('loaded the state', {
      lastZxid: formatZxid(recovery.lastZxid),
      znodes: this.#member.status().znodes,
      tookMs: Math.round(meter.totalMs.max),
    });
    await this.#addresses.listen();
    this.#driver.start(recovery, mayVote(config));
    // Their modules are loaded only now, after the first turn: clients come before scrapers.
    await setImmediate();
    await this.#startHttp(config.admin, 'admin commands', async () =>
      (await import('./admin-server.ts')).createAdminServer(this.#view),
    );
    await this.#startHttp(config.metrics, 'metrics', async () =>
      (await import('./monitoring/metrics-server.ts')).createMetricsServer(this.#view),
    );
  }

  #openStorage(): Storage {
    const { config, logger } = this.#options;
    return openStorage({
      dataDir: config.dataDir,
      dataLogDir: config.dataLogDir,
      settings: {
        forceSync: config.forceSync,
        snapshotsKept: config.snapshotsRetained,
        purges: config.purge,
        slowSyncMs: config.slowSyncMs,
        ...(config.logPreallocationBytes === undefined ? {} : { preallocateBytes: config.logPreallocationBytes }),
      },
      trustEmptySnapshot: config.trustEmptySnapshot,
      initialState: () => createDatabase({ watchSink: () => undefined }).snapshot(),
      onFailure: (error) => this.#options.failed(error),
      onWarning: (message) => logger.warn(message),
    });
  }

  /** A port that zoo.cfg does not name is a convenience: another server may have taken it. */
  async #startHttp(http: HttpConfig, what: string, create: () => Promise<HttpServer>): Promise<void> {
    if (!http.enabled) return;
    const server = await create();
    try {
      await listen(server, http, what);
      this.#http.push(server);
    } catch (error) {
      if (http.explicit || !(error instanceof CodedError)) throw error;
      this.#options.logger.warn(`serving no ${what}`, { address: formatHostPort(http), reason: error.message });
    }
  }

  #roleChanged(role: ZabRole): void {
    const { config, logger } = this.#options;
    logger.info('role', { ...role });
    if (role.state !== 'looking' && role.serving) endInitialization(config);
  }

  /** A reconfiguration is in force: peers are reached where it says, and so is this server. */
  #reconfigured(text: string, version: Zxid): void {
    writeDynamicConfiguration(this.#options.config.dataDir, text, version);
    this.#ensemble = readEnsemble(text);
    this.#addresses.move(this.#ensemble);
  }

  /** A server that the configuration in force does not know (yet, or any more) is where the next one or zoo.cfg says. */
  #entryOf(server: ServerId): ServerEntry | undefined {
    const known = [...this.#ensemble.servers, ...(this.#next?.servers ?? []), ...this.#options.config.ensemble.servers];
    return known.find(({ id }) => id === server);
  }

  #quorumAddresses(server: ServerId): HostPort[] {
    const entry = this.#entryOf(server);
    return (entry?.addresses ?? []).map(({ host, quorumPort }) => ({ host, port: quorumPort }));
  }

  #electionAddresses(server: ServerId): HostPort[] | undefined {
    const entry = this.#entryOf(server);
    return electionAddressesOf(entry);
  }
}

function electionAddressesOf(entry: ServerEntry | undefined): HostPort[] | undefined {
  return entry?.addresses.map(({ host, electionPort }) => ({ host, port: electionPort }));
}

function memberConfig(config: ZooConfig, own: OwnServer): MemberConfig {
  const { ensemble, reconfigEnabled, standalone, membershipRules } = config;
  const change: ChangeMembership = (current, request, version) =>
    changeMembership(current, request, version, membershipRules);
  return {
    zab: {
      serverId: own.id,
      // A server of its own has no configuration that could change, whatever line names it: it would be bound to that line later.
      membership: membershipOf(standalone ? { ...ensemble, servers: [] } : ensemble, own.id),
      tickTimeMs: config.tickTimeMs,
      initLimitTicks: config.initLimitTicks,
      syncLimitTicks: config.syncLimitTicks,
      committedLogEntries: config.committedLogEntries,
      readMembership: reconfigEnabled && !standalone ? readMembership : undefined,
    },
    changeMembership: reconfigEnabled ? change : undefined,
    minSessionTimeoutMs: config.minSessionTimeoutMs,
    maxSessionTimeoutMs: config.maxSessionTimeoutMs,
    maxFrameBytes: config.frameBytesMax,
    outstandingRequestsMax: config.outstandingRequestsMax,
    snapshotEveryTransactions: config.snapshotEveryTransactions,
    snapshotEveryBytes: logBytesMax(config),
    watchBytesMax: config.watchBytesMax ?? memoryBytes() * WATCHES_PART,
    skipAcl: config.skipAcl,
    superDigest: config.superDigest,
    extendedTypesEnabled: config.extendedTypesEnabled,
    keepDigest: config.keepDigest,
  };
}
