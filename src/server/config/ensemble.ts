import type { ServerId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import { configInvalid } from './problems.ts';
import type { Property } from './properties.ts';
import { formatHostPort, parseServer, parseServerId } from './servers.ts';
import type { ServerEntry } from './servers.ts';

/** Who belongs to the ensemble, and what is a quorum of it. */
export interface Ensemble {
  /** In the order of their ids; empty for a standalone server without `server.N` lines. */
  readonly servers: readonly ServerEntry[];
  /** Groups of voters for hierarchical quorums, by `group.N`; empty where the majority of all voters is a quorum. */
  readonly groups: readonly (readonly ServerId[])[];
  /** `weight.N`; 1 where it is not given. Only with groups. */
  readonly weights: ReadonlyMap<ServerId, number>;
  /** The version of a dynamic configuration file, else 0. */
  readonly version: Zxid;
}

/** True for the keys that make up the ensemble, which a dynamic configuration file holds where there is one. */
export function isEnsembleKey(key: string): boolean {
  return /^(server|group|weight)\./.test(key);
}

/**
 * Puts the `server.N`, `group.N` and `weight.N` lines together. Other keys are passed over.
 * @throws CodedError ZK_CONFIG_INVALID where they are malformed or contradict one another.
 */
export function parseEnsemble(properties: readonly Property[], file: string, version: Zxid): Ensemble {
  const servers = properties
    .filter(({ key }) => key.startsWith('server.'))
    .map((property) => parseServer(property, file))
    .sort((a, b) => a.id - b.id);
  refuseSharedIds(servers, file);
  refuseSharedAddresses(servers, file);
  const voters = new Set(servers.filter(({ role }) => role === 'participant').map(({ id }) => id));
  if (servers.length > 0 && voters.size === 0) {
    configInvalid(file, 'has observers but no participant: write at least one server.N line without :observer');
  }
  const groups = parseGroups(properties, file, servers, voters);
  return { servers, groups, weights: parseWeights(properties, file, servers, groups.length > 0), version };
}

/** `server.1` and `server.01` are the same server. */
function refuseSharedIds(servers: readonly ServerEntry[], file: string): void {
  for (const [index, { id }] of servers.entries()) {
    if (index > 0 && servers[index - 1]?.id === id) configInvalid(file, `names server ${id} twice: remove one of the lines`);
  }
}

function refuseSharedAddresses(servers: readonly ServerEntry[], file: string): void {
  const owners = new Map<string, ServerId>();
  for (const { id, addresses } of servers) {
    for (const { host, quorumPort, electionPort } of addresses) {
      for (const port of [quorumPort, electionPort]) {
        const address = formatHostPort({ host, port });
        const owner = owners.get(address);
        if (owner !== undefined) {
          configInvalid(file, `gives ${address} to server.${owner} and to server.${id}: give each a port of its own`);
        }
        owners.set(address, id);
      }
    }
  }
}

function parseGroups(
  properties: readonly Property[],
  file: string,
  servers: readonly ServerEntry[],
  voters: ReadonlySet<ServerId>,
): ServerId[][] {
  const groupOf = new Map<ServerId, string>();
  const groups: ServerId[][] = [];
  for (const { key, value, line } of properties) {
    if (!key.startsWith('group.')) continue;
    const where = `${file} line ${line}: ${key}`;
    const group: ServerId[] = [];
    for (const text of value.split(':')) {
      const id = Number(text.trim());
      if (!servers.some((server) => server.id === id)) {
        configInvalid(where, `names '${text.trim()}', for which there is no server line: write ids with ':' between them`);
      }
      const other = groupOf.get(id);
      if (other !== undefined) configInvalid(where, `names server ${id}, which is in ${other} already: remove it from one`);
      groupOf.set(id, key);
      if (voters.has(id)) group.push(id);
    }
    groups.push(group);
  }
  const homeless = groups.length === 0 ? undefined : [...voters].find((id) => !groupOf.has(id));
  if (homeless !== undefined) configInvalid(file, `has groups, but server ${homeless} is in none: add it to a group.N line`);
  return groups;
}

function parseWeights(
  properties: readonly Property[],
  file: string,
  servers: readonly ServerEntry[],
  hasGroups: boolean,
): Map<ServerId, number> {
  const weights = new Map<ServerId, number>();
  for (const property of properties) {
    const { key, value, line } = property;
    if (!key.startsWith('weight.')) continue;
    const where = `${file} line ${line}: ${key}`;
    if (!hasGroups) configInvalid(where, 'is set without groups: add group.N lines, or remove it');
    const id = parseServerId(property, 'weight.', file);
    if (!servers.some((server) => server.id === id)) configInvalid(where, 'has no server line of that number: remove it');
    if (!/^\d{1,9}$/.test(value)) configInvalid(where, `is '${value}': write a whole number, 0 for a server that never counts`);
    weights.set(id, Number(value));
  }
  return weights;
}
