import { CodedError } from '../common/errors.ts';

/** One server of a connect string. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** What a connect string says. */
export interface ConnectString {
  readonly servers: readonly [ServerAddress, ...ServerAddress[]];
  /** The path under which all paths of the client lie; '' for the root. */
  readonly chroot: string;
}

const DEFAULT_PORT = 2181;

/**
 * Parses `host[:port],host[:port]…[/chroot]`, IPv6 addresses in brackets.
 * @throws CodedError ZK_CONNECT_STRING_INVALID
 */
export function parseConnectString(text: string): ConnectString {
  const slash = text.indexOf('/');
  const servers = slash === -1 ? text : text.slice(0, slash);
  const chroot = slash === -1 ? '' : text.slice(slash).replace(/\/+$/, '');
  const [first, ...others] = servers.split(',').map((server) => parseServer(server.trim(), text));
  if (first === undefined) return invalid(text, 'names no server');
  if (chroot.includes('//')) return invalid(text, 'has an empty name in its path');
  return { servers: [first, ...others], chroot };
}

function parseServer(server: string, text: string): ServerAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(server);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? DEFAULT_PORT);
  if (host === undefined || port < 1 || port > 65535) return invalid(text, `has '${server}' where a server should be`);
  return { host, port };
}

function invalid(text: string, what: string): never {
  throw new CodedError(
    'ZK_CONNECT_STRING_INVALID',
    `the connect string '${text}' ${what}: write host:2181,host:2181/path`,
  );
}
