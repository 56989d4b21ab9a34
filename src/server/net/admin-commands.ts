import type { SessionId } from '../../common/types.ts';
import { FULL_VERSION } from '../version.ts';
import { formatHostPort } from '../config/servers.ts';
import type { ServerEntry } from '../config/servers.ts';
import type { ClientInfo } from '../pipeline/types.ts';
import { newestSnapshot } from './data-directory.ts';
import { configuration, environment, TRACE_MASK, WITHOUT_DIGESTS, WITHOUT_TRACE } from './four-letter-words.ts';
import { ephemeralsBySession, hexSession, watchesByPath, watchesBySession } from './inspection.ts';
import { monitorValues } from './monitoring/monitor-values.ts';
import { serverMetrics } from './monitoring/server-metrics.ts';
import { directoryBytes, isServing, serverState } from './server-view.ts';
import type { ServerView } from './server-view.ts';

/** The rules by which a digest is calculated (ZooKeeper's DigestCalculator). */
const DIGEST_VERSION = 2;

type Fields = Record<string, unknown>;

interface AdminCommand {
  /** The first is shown in the list; all of them work, as in ZooKeeper. */
  readonly names: readonly string[];
  /** False for those that a server answers although it does not serve. */
  readonly needsServing: boolean;
  run(view: ServerView): Fields;
}

const COMMANDS: readonly AdminCommand[] = [
  { names: ['configuration', 'conf', 'config'], needsServing: true, run: underscored },
  { names: ['connection_stat_reset', 'crst'], needsServing: true, run: (view) => reset(view, 'clients') },
  { names: ['connections', 'cons'], needsServing: true, run: connections },
  {
    names: ['dirs'],
    needsServing: true,
    run: ({ config }) => ({
      datadir_size: directoryBytes(config.dataDir),
      logdir_size: directoryBytes(config.dataLogDir),
    }),
  },
  { names: ['dump'], needsServing: true, run: dump },
  { names: ['environment', 'env', 'envi'], needsServing: false, run: environment },
  { names: ['get_trace_mask', 'gtmk'], needsServing: false, run: () => ({ tracemask: TRACE_MASK }) },
  { names: ['hash'], needsServing: true, run: digests },
  { names: ['initial_configuration', 'icfg'], needsServing: true, run: initialConfiguration },
  { names: ['is_read_only', 'isro'], needsServing: true, run: () => ({ read_only: false }) },
  { names: ['last_snapshot', 'lsnp'], needsServing: true, run: lastSnapshot },
  { names: ['leader', 'lead'], needsServing: true, run: leader },
  {
    names: ['monitor', 'mntr'],
    needsServing: false,
    run: (view) => Object.fromEntries(monitorValues(serverMetrics(view))),
  },
  { names: ['observers', 'obsr'], needsServing: true, run: observers },
  { names: ['ruok'], needsServing: true, run: () => ({}) },
  { names: ['server_stats', 'srvr'], needsServing: true, run: serverStats },
  { names: ['set_trace_mask', 'stmk'], needsServing: false, run: () => ({ error: WITHOUT_TRACE }) },
  { names: ['stat_reset', 'srst'], needsServing: true, run: (view) => reset(view, 'server') },
  { names: ['stats', 'stat'], needsServing: true, run: (view) => ({ ...serverStats(view), ...connections(view) }) },
  { names: ['system_properties', 'sysp'], needsServing: false, run: systemProperties },
  { names: ['voting_view'], needsServing: true, run: votingView },
  {
    names: ['watches', 'wchc'],
    needsServing: true,
    run: (view) => ({ session_id_to_watched_paths: bySession(watchesBySession(view)) }),
  },
  {
    names: ['watches_by_path', 'wchp'],
    needsServing: true,
    run: (view) => ({ path_to_session_ids: sessionsByPath(view) }),
  },
  {
    names: ['watch_summary', 'wchs'],
    needsServing: true,
    run: watchSummary,
  },
  { names: ['zabstate'], needsServing: true, run: zabState },
];

const BY_NAME = new Map(COMMANDS.flatMap((command) => command.names.map((name) => [name, command] as const)));

/** The commands that `/commands` lists. */
export const ADMIN_COMMANDS: readonly string[] = COMMANDS.map(({ names: [name = ''] }) => name);

/** The JSON of `/commands/<name>`, in the form of ZooKeeper's AdminServer, or undefined for an unknown command. */
export function runAdminCommand(name: string, view: ServerView): Fields | undefined {
  const command = BY_NAME.get(name);
  if (command === undefined) return undefined;
  if (command.needsServing && !isServing(view)) {
    return { command: command.names[0], error: 'This ZooKeeper instance is not currently serving requests' };
  }
  return { command: command.names[0], error: null, ...command.run(view) };
}

/** ZooKeeper's JSON has snake_case where zoo.cfg has camelCase. */
function underscored(view: ServerView): Fields {
  const renamed: Readonly<Record<string, string>> = {
    clientPort: 'client_port',
    dataDir: 'data_dir',
    dataLogDir: 'data_log_dir',
    tickTime: 'tick_time',
    maxClientCnxns: 'max_client_cnxns',
    minSessionTimeout: 'min_session_timeout',
    maxSessionTimeout: 'max_session_timeout',
    serverId: 'server_id',
    clientPortListenBacklog: 'client_port_listen_backlog',
  };
  const values = configuration(view);
  return Object.fromEntries(Object.entries(renamed).map(([key, name]) => [name, values[key]]));
}

/** A digest is 64 bits: a string, like a session. */
function digests(view: ServerView): Fields {
  const kept = view.digests();
  if (kept === undefined) return { error: WITHOUT_DIGESTS };
  return {
    digests: kept.map(({ zxid, digest }) => ({ zxid, digest: String(digest), digest_version: DIGEST_VERSION })),
  };
}

/** What zoo.cfg says, whatever reconfigurations have led to; without its comments. */
function initialConfiguration({ config }: ServerView): Fields {
  return { initial_configuration: config.written.map(([key, value]) => `${key}=${value}\n`).join('') };
}

/** ZooKeeper has the zxid in hexadecimal digits and the time in seconds; -1 where there is no snapshot. */
function lastSnapshot({ config }: ServerView): Fields {
  const last = newestSnapshot(config.dataDir);
  return { zxid: last === undefined ? '-1' : last.zxid.toString(16), timestamp: last?.savedAtSeconds ?? -1 };
}

/** Where ZooKeeper shows those of Java: what this process runs on, and zoo.cfg's keys as Java's properties are named. */
function systemProperties({ config }: ServerView): Fields {
  const written = config.written.map(
    ([key, value]) => [`zookeeper.${key.replace(/^zookeeper\./, '')}`, value] as const,
  );
  const versions = Object.entries(process.versions).map(([name, version]) => [`${name}.version`, version] as const);
  const own = Object.entries(environment());
  return Object.fromEntries([...versions, ...own, ...written].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function connections(view: ServerView): Fields {
  const describe = ({ client, address, sessionId, timeoutMs, received, sent, outstanding }: ClientInfo): Fields => ({
    remote_socket_address: `${address}:${view.connections.portOf(client)}`,
    outstanding_requests: outstanding,
    packets_received: received,
    packets_sent: sent,
    session_id: hexSession(sessionId),
    session_timeout: timeoutMs,
  });
  return { connections: view.clients().map(describe), secure_connections: [] };
}

function reset(view: ServerView, of: 'server' | 'clients'): Fields {
  view.resetStats(of);
  return {};
}

/** ZooKeeper has sessions as numbers here, which JSON readers of most languages round: they are strings. */
function bySession(groups: ReadonlyMap<SessionId, readonly string[]>): Fields {
  return Object.fromEntries([...groups].map(([session, paths]) => [String(session), paths]));
}

function sessionsByPath(view: ServerView): Fields {
  return Object.fromEntries([...watchesByPath(view)].map(([path, sessions]) => [path, sessions.map(String)]));
}

function dump(view: ServerView): Fields {
  const timeouts = [...view.inspect().sessions].map(([session, timeoutMs]) => [String(session), timeoutMs] as const);
  return {
    session_id_to_timeout: Object.fromEntries(timeouts),
    session_id_to_ephemeral_paths: bySession(ephemeralsBySession(view)),
  };
}

function observers(view: ServerView): Fields {
  const synced = view.learners().filter(({ isObserver, serving }) => isObserver && serving);
  return { synced_observers: synced.length, observers: synced.map(({ serverId }) => ({ server_id: serverId })) };
}

function serverStats(view: ServerView): Fields {
  const status = view.status();
  const { count } = view.connections;
  const { all: latency } = view.connections.latencies;
  return {
    version: FULL_VERSION,
    read_only: false,
    server_stats: {
      packets_sent: status.packetsSent,
      packets_received: status.packetsReceived,
      server_state: serverState(view),
      outstanding_requests: status.outstandingRequests,
      min_latency: latency.min,
      avg_latency: latency.average,
      max_latency: latency.max,
      num_alive_client_connections: count,
      last_processed_zxid: status.lastZxid,
      fsync_threshold_exceed_count: view.storage().slowSyncs,
      data_dir_size: directoryBytes(view.config.dataDir),
      log_dir_size: directoryBytes(view.config.dataLogDir),
      provider_null: false,
      uptime: Date.now() - view.startedAtMs,
    },
    node_count: status.znodes,
  };
}

function leader(view: ServerView): Fields {
  const { role } = view.status();
  if (view.config.standalone || role.state === 'looking') return { error: 'server is not initialized' };
  const leaderId = role.state === 'leading' ? view.own.id : role.leader;
  const entry = view.config.ensemble.servers.find(({ id }) => id === leaderId);
  return {
    is_leader: role.state === 'leading',
    leader_id: leaderId,
    leader_ip: entry?.addresses[0].host ?? '',
  };
}

function votingView({ config }: ServerView): Fields {
  const describe = ({ addresses, role, client }: ServerEntry): Fields => ({
    server_addresses: addresses.map(({ host, quorumPort }) => formatHostPort({ host, port: quorumPort })),
    election_addresses: addresses.map(({ host, electionPort }) => formatHostPort({ host, port: electionPort })),
    client_address: client === undefined ? '' : formatHostPort(client),
    learner_type: role,
  });
  const voters = config.ensemble.servers.filter(({ role }) => role === 'participant');
  return { current_config: Object.fromEntries(voters.map((server) => [server.id, describe(server)])) };
}

function watchSummary(view: ServerView): Fields {
  const { watchedPathCount, watcherCount } = view.inspect();
  return { num_connections: watcherCount, num_paths: watchedPathCount, num_total_watches: view.status().watches };
}

function zabState(view: ServerView): Fields {
  const { role } = view.status();
  const serving = role.state !== 'looking' && role.serving;
  return {
    voting: view.own.entry?.role !== 'observer',
    zabstate: role.state === 'looking' ? 'election' : serving ? 'broadcast' : 'synchronization',
  };
}
