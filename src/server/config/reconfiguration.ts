import type { ServerId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { Membership } from '../zab/types.ts';
import { isEnsembleKey, parseEnsemble } from './ensemble.ts';
import type { Ensemble } from './ensemble.ts';
import { membershipOf } from './membership.ts';
import { configInvalid } from './problems.ts';
import { parseProperties } from './properties.ts';
import type { Property } from './properties.ts';
import { formatHostPort, isWildcard } from './servers.ts';

/** What a client asks for with a reconfig request; null for what it does not say. */
export interface MembershipChange {
  /** `server.N=...` lines with commas between them. */
  readonly joiningServers: string | null;
  /** Ids with commas between them. */
  readonly leavingServers: string | null;
  /** The whole new configuration, with commas or line ends between the lines. */
  readonly newMembers: string | null;
}

/** What zoo.cfg lets a change lead to. */
export interface MembershipRules {
  /** The fewest participants: two with standaloneEnabled, as in ZooKeeper. */
  readonly votersMin: number;
  /** Whether a server may have several addresses (multiAddress.enabled). */
  readonly severalAddresses: boolean;
}

const WHERE = 'the configuration';

/** Servers send it in election messages, up to twice and with three bytes for a character: those end at 512 KiB. */
const TEXT_LENGTH_MAX = 64 * 1024;

/** Nobody is alone in a configuration that has a text. */
const NOBODY: ServerId = -1;

/**
 * Reads a configuration as {@link Membership.text} has it.
 * @throws CodedError ZK_CONFIG_INVALID
 */
export function readEnsemble(text: string): Ensemble {
  const properties = parseProperties(text, WHERE);
  const version = properties.find(({ key }) => key === 'version')?.value ?? '0';
  if (!/^[0-9a-f]{1,14}$/.test(version)) configInvalid(WHERE, `has the version '${version}': write a hexadecimal number`);
  const lines = properties.filter(({ key }) => key !== 'version');
  return ensembleOf(lines, Number.parseInt(version, 16));
}

/** As {@link readEnsemble}, as ZAB wants it. */
export function readMembership(text: string): Membership {
  return membershipOf(readEnsemble(text), NOBODY);
}

/**
 * The configuration that a change leads to, as PrepRequestProcessor works it out.
 * @param version That of the new configuration: the zxid of its transaction.
 * @throws CodedError ZK_CONFIG_INVALID where ZooKeeper answers BadArguments.
 */
export function changeMembership(
  current: string,
  change: MembershipChange,
  version: Zxid,
  { votersMin, severalAddresses }: MembershipRules,
): Membership {
  const ensemble = change.newMembers === null ? changed(current, change, version) : replaced(change.newMembers, version);
  const voters = ensemble.servers.filter(({ role }) => role === 'participant').length;
  if (voters === 0) configInvalid(WHERE, 'would have no participant: leave one in');
  if (voters < votersMin) {
    configInvalid(WHERE, `would have fewer than ${votersMin} participants: write standaloneEnabled=false into every zoo.cfg`);
  }
  if (!severalAddresses && ensemble.servers.some(({ addresses }) => addresses.length > 1)) {
    configInvalid(WHERE, 'has a server with several addresses: write multiAddress.enabled=true into every zoo.cfg');
  }
  const { text } = membershipOf(ensemble, NOBODY);
  if (text.length > TEXT_LENGTH_MAX) configInvalid(WHERE, `is longer than ${TEXT_LENGTH_MAX} characters: shorten names`);
  // As everybody will read it from the log: a name with a line end in it would be two lines there.
  const membership = readMembership(text);
  if (membership.text !== text) configInvalid(WHERE, 'has a name that cannot be written down: correct it');
  return membership;
}

function replaced(newMembers: string, version: Zxid): Ensemble {
  const lines = parseProperties(newMembers.replaceAll(',', '\n'), WHERE);
  return ensembleOf(
    lines.filter(({ key }) => key !== 'version'),
    version,
  );
}

function changed(current: string, { joiningServers, leavingServers }: MembershipChange, version: Zxid): Ensemble {
  const lines = parseProperties(current, WHERE).filter(({ key }) => key !== 'version');
  if (lines.some(({ key }) => !key.startsWith('server.'))) {
    configInvalid(WHERE, 'has groups: give the whole new configuration instead of who joins and leaves');
  }
  const servers = new Map(lines.map((line): [ServerId, Property] => [idOf(line.key.slice('server.'.length)), line]));
  for (const id of items(leavingServers)) servers.delete(idOf(id));
  for (const line of parseProperties(items(joiningServers).join('\n'), WHERE)) {
    if (!line.key.startsWith('server.')) configInvalid(WHERE, `cannot be joined by '${line.key}': write server.N=...`);
    if (!line.value.includes(';')) configInvalid(WHERE, `says no client port for ${line.key}: write ;2181 at its end`);
    servers.set(idOf(line.key.slice('server.'.length)), line);
  }
  const ensemble = ensembleOf([...servers.values()], version);
  refuseSharedClientAddresses(ensemble);
  return ensemble;
}

/**
 * Where clients connect is an address like the others, unless it is every address of a machine (QuorumServer.checkAddressDuplicate).
 * It is looked at only here: in a configuration that is in force nothing can be refused any more.
 */
function refuseSharedClientAddresses({ servers }: Ensemble): void {
  const owners = new Map<string, ServerId>();
  for (const { id, addresses } of servers) {
    for (const { host, quorumPort, electionPort } of addresses) {
      for (const port of [quorumPort, electionPort]) owners.set(formatHostPort({ host, port }), id);
    }
  }
  for (const { id, client } of servers) {
    if (client === undefined || isWildcard(client.host)) continue;
    const address = formatHostPort(client);
    const owner = owners.get(address);
    if (owner !== undefined) configInvalid(WHERE, `gives ${address} to server.${owner} and to clients of server.${id}`);
    owners.set(address, id);
  }
}

function ensembleOf(lines: readonly Property[], version: Zxid): Ensemble {
  const alien = lines.find(({ key }) => !isEnsembleKey(key));
  if (alien !== undefined) configInvalid(WHERE, `has a line '${alien.key}': write server.N, group.N and weight.N lines only`);
  return parseEnsemble(lines, WHERE, version);
}

function items(list: string | null): string[] {
  if (list === null) return [];
  return list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function idOf(text: string): ServerId {
  if (!/^\d{1,3}$/.test(text)) configInvalid(WHERE, `names server '${text}': write a number`);
  return Number(text);
}
