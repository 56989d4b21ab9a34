import type { ServerId } from '../../common/types.ts';
import { configInvalid } from './problems.ts';
import type { Property } from './properties.ts';

/** A host name or IP address and a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** One of the addresses under which a server's peers reach it. */
export interface PeerAddress {
  readonly host: string;
  /** Where the leader listens for learners. */
  readonly quorumPort: number;
  readonly electionPort: number;
}

/** One `server.N` line. */
export interface ServerEntry {
  readonly id: ServerId;
  readonly role: 'participant' | 'observer';
  /** At least one; several with `|` (multiAddress.enabled). */
  readonly addresses: readonly [PeerAddress, ...PeerAddress[]];
  /** Where it listens for clients, if the line says it. */
  readonly client: HostPort | undefined;
}

/** The largest id: it has one byte of the session ids. */
export const SERVER_ID_MAX = 255;

const FORM = 'write server.N=host:2888:3888[:participant|observer][;[host:]2181], an IPv6 address in brackets';

/**
 * Parses a `server.N` line.
 * @throws CodedError ZK_CONFIG_INVALID
 */
export function parseServer(property: Property, file: string): ServerEntry {
  const where = `${file} line ${property.line}: ${property.key}`;
  const [quorumPart = '', clientPart, ...more] = property.value.split(';');
  if (more.length > 0) configInvalid(where, `has more than one ';': ${FORM}`);
  const parsed = quorumPart.split('|').map((text) => parsePeerAddress(text.trim(), where));
  const [first, ...others] = parsed;
  if (first === undefined) configInvalid(where, `has no address: ${FORM}`);
  const roles = new Set(parsed.flatMap(({ role }) => role ?? []));
  if (roles.size > 1) configInvalid(where, 'is participant and observer at once: write one of them');
  const [role = 'participant'] = roles;
  return {
    id: parseServerId(property, 'server.', file),
    role,
    addresses: [first.address, ...others.map(({ address }) => address)],
    client: clientPart === undefined ? undefined : parseClientPart(clientPart.trim(), where),
  };
}

/** The N of `server.N` or `weight.N`. */
export function parseServerId(property: Property, prefix: string, file: string): ServerId {
  const id = Number(property.key.slice(prefix.length));
  if (!Number.isInteger(id) || id < 0 || id > SERVER_ID_MAX || !/\d$/.test(property.key)) {
    configInvalid(
      `${file} line ${property.line}: ${property.key}`,
      `does not name a server: write ${prefix}N with N from 0 to ${SERVER_ID_MAX}`,
    );
  }
  return id;
}

/** Splits `host:a:b:…`, where the host may be an IPv6 address in brackets. */
function splitHost(text: string): string[] {
  const bracketed = /^\[([^\]]+)\](?::(.*))?$/.exec(text);
  if (bracketed === null) return text.split(':');
  const [, host = '', rest] = bracketed;
  return rest === undefined ? [host] : [host, ...rest.split(':')];
}

function parsePeerAddress(text: string, where: string) {
  const parts = splitHost(text).map((part) => part.trim());
  const [host = '', quorumPort = '', electionPort = '', role] = parts;
  if (host === '' || parts.length < 3 || parts.length > 4) {
    configInvalid(where, `has '${text}' where an address should be: ${FORM}`);
  }
  const address: PeerAddress = {
    host,
    quorumPort: parsePort(quorumPort, where, 'quorum port'),
    electionPort: parsePort(electionPort, where, 'election port'),
  };
  if (address.quorumPort === address.electionPort) {
    configInvalid(where, `has ${quorumPort} as quorum and as election port: write two different ones`);
  }
  return { address, role: role === undefined ? undefined : parseRole(role, where) };
}

/** @throws CodedError ZK_CONFIG_INVALID */
export function parseRole(text: string, where: string): 'participant' | 'observer' {
  const role = text.toLowerCase();
  if (role === 'participant' || role === 'observer') return role;
  return configInvalid(where, `has the role '${text}': write participant or observer`);
}

function parseClientPart(text: string, where: string): HostPort {
  const parts = splitHost(text).map((part) => part.trim());
  if (parts.length > 2) configInvalid(where, `has '${text}' behind the ';': write [host:]port`);
  const port = parsePort(parts.at(-1) ?? '', where, 'client port');
  return { host: parts.length === 2 ? (parts[0] ?? '') : '0.0.0.0', port };
}

/** @throws CodedError ZK_CONFIG_INVALID */
export function parsePort(text: string, where: string, what: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65535) {
    configInvalid(where, `has '${text}' as ${what}: write a number from 1 to 65535`);
  }
  return port;
}

/** Whether this host stands for all addresses of a machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatHostPort({ host, port }: HostPort): string {
  return `${bracketed(host)}:${port}`;
}

/** The value of a `server.N` line as ZooKeeper writes it: NEWLEADER and election messages carry these lines. */
export function formatServer(server: ServerEntry): string {
  const addresses = server.addresses
    .map(({ host, quorumPort, electionPort }) => `${bracketed(host)}:${quorumPort}:${electionPort}`)
    .sort();
  const client = server.client === undefined ? '' : `;${formatHostPort(server.client)}`;
  return `${addresses.join('|')}:${server.role}${client}`;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
