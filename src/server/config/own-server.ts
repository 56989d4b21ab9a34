import type { ServerId } from '../../common/types.ts';
import type { Ensemble } from './ensemble.ts';
import { configInvalid } from './problems.ts';
import { formatHostPort, isWildcard } from './servers.ts';
import type { HostPort, ServerEntry } from './servers.ts';
import type { ZooConfig } from './zoo-cfg.ts';

/** Which of the servers of a zoo.cfg this one is. */
export interface OwnServer {
  readonly id: ServerId;
  /** Its `server.N` line; undefined for a standalone server without one. */
  readonly entry: ServerEntry | undefined;
  /** Where it listens for clients. */
  readonly client: HostPort;
}

/** The id of a standalone server that has neither a `server.N` line nor a myid, as in ZooKeeper. */
const STANDALONE_ID = 1;

/**
 * Finds this server in its configuration.
 * @param id From `myid` or the host name; undefined if there is none.
 * @throws CodedError ZK_CONFIG_INVALID if the server is not in the ensemble, has no port for clients, or has two ports that are
 *   the same.
 */
export function ownServer(config: ZooConfig, id: ServerId | undefined, file: string): OwnServer {
  const { servers } = config.ensemble;
  const ownId = id ?? (config.standalone ? (servers[0]?.id ?? STANDALONE_ID) : undefined);
  if (ownId === undefined) {
    configInvalid(`${config.dataDir}/myid`, `is missing: write the N of this server's server.N line in ${file} into it`);
  }
  const entry = servers.find((server) => server.id === ownId);
  if (entry === undefined && servers.length > 0 && !config.standalone) {
    const ids = servers.map((server) => server.id).join(', ');
    configInvalid(`${config.dataDir}/myid`, `says ${ownId}, but ${file} has servers ${ids} only: correct one of the two`);
  }
  const client = clientOf(config, entry, file);
  refuseSharedPorts(config, entry, client, file);
  return { id: ownId, entry, client };
}

/**
 * The server's entry as a reconfiguration left it. One that was taken out of the ensemble keeps what zoo.cfg says, and learns
 * without a vote.
 */
export function reconfigured(own: OwnServer, ensemble: Ensemble): OwnServer {
  const entry = ensemble.servers.find(({ id }) => id === own.id);
  return entry === undefined ? own : { ...own, entry, client: entry.client ?? own.client };
}

function clientOf(config: ZooConfig, entry: ServerEntry | undefined, file: string): HostPort {
  const { client } = config;
  if (entry?.client === undefined) {
    return client ?? configInvalid(`${file}: clientPort`, 'is missing, no client could connect: write clientPort=2181');
  }
  const contradicts =
    client !== undefined &&
    (client.port !== entry.client.port || (!isWildcard(client.host) && client.host !== entry.client.host));
  if (contradicts) {
    configInvalid(
      `${file}: server.${entry.id}`,
      `says that clients connect to ${formatHostPort(entry.client)}, but clientPort says ${formatHostPort(client)}: ` +
        'remove clientPort and clientPortAddress',
    );
  }
  return entry.client;
}

function refuseSharedPorts(
  config: ZooConfig,
  entry: ServerEntry | undefined,
  client: HostPort,
  file: string,
): void {
  const users = new Map<number, string>();
  const claim = (port: number, user: string): void => {
    const other = users.get(port);
    if (other !== undefined) configInvalid(`${file}: port ${port}`, `is ${other} and ${user} at once: change one of them`);
    users.set(port, user);
  };
  claim(client.port, 'the client port');
  if (config.admin.enabled && config.admin.explicit) claim(config.admin.port, 'admin.serverPort');
  if (config.metrics.enabled && config.metrics.explicit) claim(config.metrics.port, 'metricsProvider.httpPort');
  if (config.standalone || entry === undefined) return;
  // The same port under several addresses is one claim.
  for (const port of new Set(entry.addresses.map(({ quorumPort }) => quorumPort))) claim(port, 'the quorum port');
  for (const port of new Set(entry.addresses.map(({ electionPort }) => electionPort))) claim(port, 'the election port');
}

/**
 * The server id that a host name like `zk-2` gives: a StatefulSet counts its pods from 0, ZooKeeper its servers from 1.
 * @throws CodedError ZK_CONFIG_INVALID for a host name without a number at its end.
 */
export function idFromHostName(hostName: string): ServerId {
  const number = /-(\d{1,3})$/.exec(hostName.split('.')[0] ?? '')?.[1];
  if (number === undefined) {
    configInvalid(
      '--my-id-from-hostname',
      `needs a host name that ends in a number, as those of a StatefulSet's pods do, and this one is '${hostName}': write a myid file instead`,
    );
  }
  return Number(number) + 1;
}

/**
 * The server id in a myid file.
 * @throws CodedError ZK_CONFIG_INVALID
 */
export function parseMyId(text: string, file: string): ServerId {
  const line = (text.split(/\r?\n/)[0] ?? '').trim();
  if (!/^\d{1,3}$/.test(line) || Number(line) > 255) {
    configInvalid(file, `holds '${line}': write a number from 0 to 255, and nothing else`);
  }
  return Number(line);
}
