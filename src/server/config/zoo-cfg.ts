import { isEnsembleKey, parseEnsemble } from './ensemble.ts';
import type { Ensemble } from './ensemble.ts';
import { configInvalid } from './problems.ts';
import { parseProperties } from './properties.ts';
import type { Property } from './properties.ts';
import type { HostPort } from './servers.ts';
import { parseRole } from './servers.ts';
import type { MembershipRules } from './reconfiguration.ts';
import { Settings } from './settings.ts';

/** Everything that a zoo.cfg says, with the defaults filled in. Times in milliseconds, or in ticks where ZooKeeper has them so. */
export interface ZooConfig {
  /** What the file says, key by key, but for the values of secrets. */
  readonly written: readonly (readonly [key: string, value: string])[];
  readonly tickTimeMs: number;
  readonly initLimitTicks: number;
  readonly syncLimitTicks: number;
  readonly dataDir: string;
  readonly dataLogDir: string;
  /** Whether missing data directories are made (datadir.autocreate). */
  readonly createDirectories: boolean;
  /** Where this server listens for clients, unless its `server.N` line says it. */
  readonly client: HostPort | undefined;
  /** Connections that wait to be accepted; undefined for the system's own limit. */
  readonly clientBacklog: number | undefined;
  /** Connections from one address, and from all; 0 for any number. */
  readonly connectionsPerAddressMax: number;
  readonly connectionsMax: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  readonly ensemble: Ensemble;
  /** True where one server is a service of its own: no `server.N` lines, or one with standaloneEnabled. */
  readonly standalone: boolean;
  /** Whether the quorum and election ports are bound on all addresses rather than on the one in the `server.N` line. */
  readonly listenOnAllAddresses: boolean;
  /** How long a peer may take to accept a connection. */
  readonly peerConnectTimeoutMs: number;
  readonly snapshotEveryTransactions: number;
  readonly committedLogEntries: number;
  readonly outstandingRequestsMax: number;
  readonly frameBytesMax: number;
  /** What the watches of all clients may take; undefined for a part of the memory that there is (`watchMebibytesMax`). */
  readonly watchBytesMax: number | undefined;
  /** How far the log is allocated ahead; undefined for the storage's own choice. */
  readonly logPreallocationBytes: number | undefined;
  /** False: acknowledge before the disk has it (forceSync=no). */
  readonly forceSync: boolean;
  /** A sync that takes longer is worth a warning. */
  readonly slowSyncMs: number;
  /** Start from a log without a snapshot (snapshot.trust.empty). */
  readonly trustEmptySnapshot: boolean;
  readonly snapshotsRetained: number;
  /** Whether old snapshots and logs are removed; by default they are, unlike in ZooKeeper, where volumes fill up. */
  readonly purge: boolean;
  /** False: a server without data may not vote before it has synchronized (db.autocreate). */
  readonly votesWithoutData: boolean;
  /** Whether clients may change the ensemble's configuration (reconfigEnabled). */
  readonly reconfigEnabled: boolean;
  readonly membershipRules: MembershipRules;
  readonly skipAcl: boolean;
  readonly superDigest: string | undefined;
  readonly extendedTypesEnabled: boolean;
  /** Whether the digest of the tree is kept, which `hash` shows and snapshots carry; not by default, unlike in ZooKeeper: it costs. */
  readonly keepDigest: boolean;
  /** The four-letter words that are answered. */
  readonly fourLetterWords: FourLetterWords;
  readonly admin: AdminConfig;
  readonly metrics: HttpConfig;
}

/** `all` for the whitelist `*`. */
export type FourLetterWords = ReadonlySet<string> | 'all';

/** An HTTP server beside the protocol. */
export interface HttpConfig extends HostPort {
  readonly enabled: boolean;
  /** True if zoo.cfg names the port: then a server that cannot have it must not start without it. */
  readonly explicit: boolean;
}

export interface AdminConfig extends HttpConfig {
  /** Where the commands are, `/commands`. */
  readonly commandUrl: string;
  /** Whether administrators may have snapshots. */
  readonly snapshots: boolean;
  /** How much later than the last one the next snapshot may be asked for. */
  readonly snapshotIntervalMs: number;
}

/** What {@link parseZooCfg} returns. */
export interface ParsedZooCfg {
  readonly config: ZooConfig;
  /** A line for each key that has no effect, and for each value that was replaced. */
  readonly warnings: readonly string[];
}

const SNAPSHOTS_RETAINED_MIN = 3;
const SNAP_COUNT_MIN = 2;
const EXTENDED_SERVER_ID_MAX = 254;
/** Keys whose values only administrators may know. */
const SECRET = /superDigest|password/i;
const DEFAULT_TICK_TIME_MS = 3000;
const KIB = 1024;
const SNAPSHOT_INTERVAL_MS = 300_000;

/**
 * Parses an ordinary zoo.cfg.
 * @param file The file's name, for messages.
 * @param readDynamicFile Reads the file that `dynamicConfigFile` names.
 * @throws CodedError ZK_CONFIG_INVALID which names file, line and key, and says what to write.
 */
export function parseZooCfg(text: string, file: string, readDynamicFile: (file: string) => string): ParsedZooCfg {
  const properties = parseProperties(text, file);
  const settings = new Settings(properties, file);
  const { warnings } = settings;
  const ensemble = ensembleOf(properties, file, settings, readDynamicFile);
  const voters = ensemble.servers.filter(({ role }) => role === 'participant').length;
  const standalone = isStandalone(ensemble, voters, settings);
  checkEnsembleKeys(settings, file, ensemble, voters, standalone);
  const tickTimeMs = settings.int('tickTime', DEFAULT_TICK_TIME_MS, 1);
  const minSessionTimeoutMs = orDefault(settings.int('minSessionTimeout', -1, -1), tickTimeMs * 2);
  const maxSessionTimeoutMs = orDefault(settings.int('maxSessionTimeout', -1, -1), tickTimeMs * 20);
  if (minSessionTimeoutMs > maxSessionTimeoutMs) {
    const where = settings.where(settings.has('minSessionTimeout') ? 'minSessionTimeout' : 'maxSessionTimeout');
    configInvalid(
      where,
      `makes the smallest session timeout, ${minSessionTimeoutMs} ms, larger than the largest, ${maxSessionTimeoutMs} ms: ` +
        'write a minSessionTimeout that is not above maxSessionTimeout',
    );
  }
  const dataDir = settings.text('dataDir') ?? configInvalid(`${file}: dataDir`, 'is missing: write dataDir=/var/lib/zookeeper');
  const config: ZooConfig = {
    written: properties.map(({ key, value }) => [key, SECRET.test(key) ? '***' : value]),
    tickTimeMs,
    initLimitTicks: settings.int('initLimit', 10, 1),
    syncLimitTicks: settings.int('syncLimit', 5, 1),
    dataDir,
    dataLogDir: settings.text('dataLogDir') ?? dataDir,
    createDirectories: settings.bool('datadir.autocreate', true),
    client: clientAddress(settings),
    clientBacklog: settings.has('clientPortListenBacklog') ? settings.int('clientPortListenBacklog', 511, 1) : undefined,
    connectionsPerAddressMax: settings.int('maxClientCnxns', 60),
    connectionsMax: settings.int('maxCnxns', 0),
    minSessionTimeoutMs,
    maxSessionTimeoutMs,
    ensemble,
    standalone,
    listenOnAllAddresses: settings.bool('quorumListenOnAllIPs', false),
    peerConnectTimeoutMs: settings.int('cnxTimeout', 5000, 1),
    snapshotEveryTransactions: atLeast(settings, 'snapCount', settings.int('snapCount', 100_000), SNAP_COUNT_MIN),
    committedLogEntries: settings.int('commitLogCount', 500, 1, 1_000_000),
    outstandingRequestsMax: settings.int('globalOutstandingLimit', 1000, 1),
    frameBytesMax: settings.int('jute.maxbuffer', 0xfffff, 1024, 1024 ** 3),
    watchBytesMax: settings.has('watchMebibytesMax')
      ? settings.int('watchMebibytesMax', 1, 1, 2 ** 20) * KIB * KIB
      : undefined,
    logPreallocationBytes: settings.has('preAllocSize') ? settings.int('preAllocSize', 1, 1, 2 ** 21) * KIB : undefined,
    forceSync: settings.bool('forceSync', true),
    slowSyncMs: settings.int('fsync.warningthresholdms', 1000),
    trustEmptySnapshot: settings.bool('snapshot.trust.empty', false),
    snapshotsRetained: atLeast(
      settings,
      'autopurge.snapRetainCount',
      settings.int('autopurge.snapRetainCount', SNAPSHOTS_RETAINED_MIN),
      SNAPSHOTS_RETAINED_MIN,
    ),
    purge: settings.int('autopurge.purgeInterval', 1) > 0,
    votesWithoutData: settings.bool('db.autocreate', true),
    membershipRules: {
      votersMin: settings.bool('standaloneEnabled', true) ? 2 : 1,
      severalAddresses: settings.bool('multiAddress.enabled', false),
    },
    reconfigEnabled: settings.bool('reconfigEnabled', false),
    skipAcl: settings.bool('skipACL', false),
    superDigest: settings.text('DigestAuthenticationProvider.superDigest'),
    extendedTypesEnabled: settings.bool('extendedTypesEnabled', false),
    keepDigest: settings.bool('digest.enabled', false),
    fourLetterWords: fourLetterWords(settings),
    admin: {
      enabled: settings.bool('admin.enableServer', true),
      host: settings.text('admin.serverAddress') ?? '0.0.0.0',
      port: settings.port('admin.serverPort') ?? 8080,
      explicit: settings.has('admin.serverPort'),
      commandUrl: commandUrl(settings),
      snapshots: settings.bool('admin.snapshot.enabled', true),
      // The latter is the name since 3.9.1, for all commands that cost much.
      snapshotIntervalMs: settings.int(
        'admin.snapshot.intervalInMS',
        settings.int('admin.rateLimiterIntervalInMS', SNAPSHOT_INTERVAL_MS),
      ),
    },
    metrics: {
      enabled: metricsEnabled(settings),
      host: settings.text('metricsProvider.httpHost') ?? '0.0.0.0',
      port: settings.port('metricsProvider.httpPort') ?? 7000,
      explicit: settings.has('metricsProvider.httpPort'),
    },
  };
  return { config, warnings };
}

function orDefault(value: number, byDefault: number): number {
  return value === -1 ? byDefault : value;
}

/** As ZooKeeper does, raises what is too small, with a warning. */
function atLeast(settings: Settings, key: 'snapCount' | 'autopurge.snapRetainCount', value: number, min: number): number {
  if (value >= min) return value;
  settings.warnings.push(`${settings.where(key)} is ${value}; ${min}, the smallest that is safe, is used instead`);
  return min;
}

function ensembleOf(
  properties: readonly Property[],
  file: string,
  settings: Settings,
  readDynamicFile: (file: string) => string,
): Ensemble {
  const dynamicFile = settings.text('dynamicConfigFile');
  if (dynamicFile === undefined) return parseEnsemble(properties, file, 0);
  const misplaced = properties.find(({ key }) => isEnsembleKey(key));
  if (misplaced !== undefined) {
    configInvalid(
      `${file} line ${misplaced.line}: ${misplaced.key}`,
      `stands beside dynamicConfigFile: move it to ${dynamicFile}`,
    );
  }
  const dynamic = parseProperties(readDynamicFile(dynamicFile), dynamicFile);
  const alien = dynamic.find(({ key }) => !isEnsembleKey(key));
  if (alien !== undefined) {
    configInvalid(
      `${dynamicFile} line ${alien.line}: ${alien.key}`,
      `does not belong into a dynamic configuration file: move it to ${file}, or remove it`,
    );
  }
  return parseEnsemble(dynamic, dynamicFile, versionFromName(dynamicFile));
}

/** `zoo.cfg.dynamic.100000000` has the version 0x100000000; without a hexadecimal ending it is 0. */
function versionFromName(file: string): number {
  const version = /\.([0-9a-fA-F]{1,13})$/.exec(file)?.[1];
  return version === undefined ? 0 : Number.parseInt(version, 16);
}

function isStandalone(ensemble: Ensemble, voters: number, settings: Settings): boolean {
  const enabled = settings.bool('standaloneEnabled', true);
  if (voters === 0 && !enabled) {
    configInvalid(settings.where('standaloneEnabled'), 'is false, but there is no server.N line: write one for each server');
  }
  if (voters === 1 && enabled && ensemble.servers.length > 1) {
    configInvalid(
      settings.where('standaloneEnabled'),
      'makes the one participant a server of its own, but there are observers: write standaloneEnabled=false',
    );
  }
  return enabled && voters <= 1;
}

function checkEnsembleKeys(
  settings: Settings,
  file: string,
  ensemble: Ensemble,
  voters: number,
  standalone: boolean,
): void {
  if (settings.int('electionAlg', 3) !== 3) configInvalid(settings.where('electionAlg'), 'is not 3, the only one there is: remove it');
  const role = settings.text('peerType');
  if (role !== undefined) parseRole(role, settings.where('peerType'));
  const multiple = ensemble.servers.find(({ addresses }) => addresses.length > 1);
  if (multiple !== undefined && !settings.bool('multiAddress.enabled', false)) {
    configInvalid(`${file}: server.${multiple.id}`, "has several addresses: write multiAddress.enabled=true, or remove the '|'");
  }
  // As in ZooKeeper: the first byte of such a server's sessions is the mark of znodes with a TTL.
  if (settings.bool('extendedTypesEnabled', false) && ensemble.servers.some(({ id }) => id > EXTENDED_SERVER_ID_MAX)) {
    configInvalid(
      settings.where('extendedTypesEnabled'),
      `does not go with server.255: give that server another id, up to ${EXTENDED_SERVER_ID_MAX}, or remove extendedTypesEnabled`,
    );
  }
  if (standalone) return;
  for (const key of ['initLimit', 'syncLimit'] as const) {
    if (!settings.has(key)) {
      configInvalid(`${file}: ${key}`, `is missing: write ${key === 'initLimit' ? 'initLimit=10' : 'syncLimit=5'}`);
    }
  }
  if (voters === 2) settings.warnings.push(`${file}: with two participants no failure is survived; three are the least`);
  else if (voters > 2 && voters % 2 === 0) {
    settings.warnings.push(`${file}: ${voters} participants survive no more failures than ${voters - 1}`);
  }
}

function clientAddress(settings: Settings): HostPort | undefined {
  const port = settings.port('clientPort');
  const host = settings.text('clientPortAddress');
  if (port !== undefined) return { host: host ?? '0.0.0.0', port };
  if (host !== undefined) configInvalid(settings.where('clientPortAddress'), 'is set without clientPort: write clientPort=2181');
  return undefined;
}

function fourLetterWords(settings: Settings): FourLetterWords {
  const words = (settings.text('4lw.commands.whitelist') ?? 'srvr').split(',').map((word) => word.trim());
  return words.includes('*') ? 'all' : new Set(words);
}

function commandUrl(settings: Settings): string {
  const url = settings.text('admin.commandURL') ?? '/commands';
  if (!url.startsWith('/')) configInvalid(settings.where('admin.commandURL'), `is '${url}': write a path, by default /commands`);
  return url.replace(/\/+$/, '');
}

function metricsEnabled(settings: Settings): boolean {
  const className = settings.text('metricsProvider.className');
  if (className === undefined || className.endsWith('.PrometheusMetricsProvider')) return true;
  if (className.endsWith('.NullMetricsProvider') || className.endsWith('.DefaultMetricsProvider')) return false;
  return configInvalid(
    settings.where('metricsProvider.className'),
    `is '${className}', which only the Java server can load: write org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider, or remove it`,
  );
}
