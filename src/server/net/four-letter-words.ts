import { arch, hostname, platform, release, userInfo } from 'node:os';
import { join } from 'node:path';
import { formatZxid } from '../../common/zxid.ts';
import type { ClientInfo } from '../pipeline/types.ts';
import { FULL_VERSION, VERSION } from '../version.ts';
import { VERSION_DIRECTORY } from './data-directory.ts';
import { dumpLines, hexSession, watchesByPathLines, watchesBySessionLines } from './inspection.ts';
import { monitorValues } from './monitoring/monitor-values.ts';
import { serverMetrics } from './monitoring/server-metrics.ts';
import { directoryBytes, isServing, serverState } from './server-view.ts';
import type { ServerView } from './server-view.ts';

const NOT_SERVING = 'This ZooKeeper instance is not currently serving requests\n';

/** ZooKeeper's bits of what its log traces: of this server's, none can be set. */
export const TRACE_MASK = 0;

/** Why `stmk` does nothing. */
export const WITHOUT_TRACE = 'this server has no trace to mask: start it with LOG_LEVEL=debug to see more in its log';

/** Why `hash` shows nothing. */
export const WITHOUT_DIGESTS =
  'this server keeps no digests of the tree: write digest.enabled=true into zoo.cfg and restart it';

const ANSWERS: Readonly<Record<string, (view: ServerView) => string>> = {
  ruok: () => 'imok',
  srvr: (view) => whileServing(view, () => `${versionLine()}${serverLines(view)}`),
  stat: (view) =>
    whileServing(view, () => `${versionLine()}Clients:\n${clientLines(view, briefly)}\n${serverLines(view)}`),
  mntr: (view) => whileServing(view, () => monitorLines(view)),
  conf: (view) => whileServing(view, () => configurationLines(view)),
  cons: (view) => whileServing(view, () => `${clientLines(view, inDetail)}\n`),
  isro: (view) => (isServing(view) ? 'rw' : 'null'),
  wchs: (view) => whileServing(view, () => `Total watches:${view.status().watches}\n\n`),
  dirs: (view) =>
    whileServing(
      view,
      () =>
        `datadir_size: ${directoryBytes(view.config.dataDir)}\nlogdir_size: ${directoryBytes(view.config.dataLogDir)}\n`,
    ),
  dump: (view) => whileServing(view, () => dumpLines(view)),
  wchc: (view) => whileServing(view, () => watchesBySessionLines(view)),
  wchp: (view) => whileServing(view, () => watchesByPathLines(view)),
  srst: (view) => whileServing(view, () => reset(view, 'server', 'Server stats reset.\n')),
  crst: (view) => whileServing(view, () => reset(view, 'clients', 'Connection stats reset.\n')),
  hash: (view) => whileServing(view, () => digestLines(view)),
  gtmk: () => String(TRACE_MASK),
  stmk: () => `${WITHOUT_TRACE}\n`,
  envi: () => `Environment:\n${lines(environment())}`,
};

/**
 * The answer to a four-letter word, in the form in which Apache ZooKeeper gives it, or undefined for a word that is none.
 * Words that are not in `4lw.commands.whitelist` are refused; srvr always is.
 */
export function answerFourLetterWord(word: string, view: ServerView): string | undefined {
  const answer = Object.hasOwn(ANSWERS, word) ? ANSWERS[word] : undefined;
  const { fourLetterWords } = view.config;
  if (answer === undefined) return undefined;
  if (word !== 'srvr' && fourLetterWords !== 'all' && !fourLetterWords.has(word)) {
    return `${word} is not executed because it is not in the whitelist.\n`;
  }
  return answer(view);
}

/** What `envi` and `/commands/environment` show. */
export function environment(): Record<string, string> {
  return {
    'zookeeper.version': FULL_VERSION,
    'zabkeeper.version': VERSION,
    'host.name': hostname(),
    'node.version': process.version,
    'os.name': platform(),
    'os.arch': arch(),
    'os.version': release(),
    'user.name': userName(),
    'user.dir': process.cwd(),
  };
}

/** What `conf` and `/commands/configuration` show, by zoo.cfg's keys. */
export function configuration({ config, own }: ServerView): Record<string, string | number> {
  return {
    clientPort: own.client.port,
    dataDir: join(config.dataDir, VERSION_DIRECTORY),
    dataDirSize: directoryBytes(config.dataDir),
    dataLogDir: join(config.dataLogDir, VERSION_DIRECTORY),
    dataLogSize: directoryBytes(config.dataLogDir),
    tickTime: config.tickTimeMs,
    maxClientCnxns: config.connectionsPerAddressMax,
    minSessionTimeout: config.minSessionTimeoutMs,
    maxSessionTimeout: config.maxSessionTimeoutMs,
    clientPortListenBacklog: config.clientBacklog ?? -1,
    serverId: own.id,
  };
}

function configurationLines(view: ServerView): string {
  const { config, own } = view;
  if (config.standalone) return lines(configuration(view));
  const [address] = own.entry?.addresses ?? [];
  return lines({
    ...configuration(view),
    initLimit: config.initLimitTicks,
    syncLimit: config.syncLimitTicks,
    electionAlg: 3,
    electionPort: address?.electionPort ?? -1,
    quorumPort: address?.quorumPort ?? -1,
    peerType: own.entry?.role === 'observer' ? 1 : 0,
  });
}

function lines(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

/** A user that has no name, as in most containers, is shown by its number. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

function reset(view: ServerView, of: 'server' | 'clients', answer: string): string {
  view.resetStats(of);
  return answer;
}

function whileServing(view: ServerView, answer: () => string): string {
  return isServing(view) ? answer() : NOT_SERVING;
}

function versionLine(): string {
  return `Zookeeper version: ${FULL_VERSION}\n`;
}

function serverLines(view: ServerView): string {
  const { count } = view.connections;
  const { all: latency } = view.connections.latencies;
  const status = view.status();
  return [
    `Latency min/avg/max: ${Math.floor(latency.min)}/${latency.average.toFixed(4)}/${Math.floor(latency.max)}`,
    `Received: ${status.packetsReceived}`,
    `Sent: ${status.packetsSent}`,
    `Connections: ${count}`,
    `Outstanding: ${status.outstandingRequests}`,
    `Zxid: ${formatZxid(status.lastZxid)}`,
    `Mode: ${serverState(view)}`,
    `Node count: ${status.znodes}`,
    '',
  ].join('\n');
}

function monitorLines(view: ServerView): string {
  return monitorValues(serverMetrics(view))
    .map(([name, value]) => `zk_${name}\t${value}\n`)
    .join('');
}

function digestLines(view: ServerView): string {
  const digests = view.digests();
  if (digests === undefined) return `${WITHOUT_DIGESTS}\n`;
  return digests.map(({ zxid, digest }) => `${zxid.toString(16)}: ${digest}\n`).join('');
}

function clientLines(view: ServerView, describe: (client: ClientInfo) => string): string {
  return view
    .clients()
    .map((client) => {
      const { address, outstanding, received, sent } = client;
      const port = view.connections.portOf(client.client);
      return ` /${address}:${port}[1](queued=${outstanding},recved=${received},sent=${sent}${describe(client)})\n`;
    })
    .join('');
}

function briefly(): string {
  return '';
}

function inDetail({ sessionId, timeoutMs }: ClientInfo): string {
  return sessionId === 0n ? '' : `,sid=${hexSession(sessionId)},to=${timeoutMs}`;
}
