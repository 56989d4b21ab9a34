import type { Acl, Identity } from '../protocol/records.ts';
import { isInIpRange, parseIpRange } from './ip-address.ts';
import type { AclCheck } from './types.ts';

/** How one scheme of identities works (AuthenticationProvider). */
interface Scheme {
  /** True if having such an identity proves something, so that `auth` in an ACL may stand for it. */
  readonly proves: boolean;
  isValid(id: string): boolean;
  /** True if a client's identity is one that the id of an ACL means. */
  matches(identity: string, id: string): boolean;
}

const SCHEMES: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  [
    'digest',
    {
      proves: true,
      isValid: (id) => javaPartCount(id) === 2,
      matches: (identity, id) => identity === id,
    },
  ],
  [
    'ip',
    {
      proves: false,
      isValid: (id) => parseIpRange(id) !== undefined,
      matches: (identity, id) => {
        const range = parseIpRange(id);
        return range !== undefined && isInIpRange(identity, range);
      },
    },
  ],
]);

/**
 * True if one of the identities has one of the permissions (ZooKeeperServer.checkACL, which skipACL is asked before). An empty
 * ACL lets everybody do everything, `super` may do everything, and a scheme that nobody knows matches nobody.
 */
export const checkAcl: AclCheck = (acl, perm, identities) => {
  if (acl.length === 0) return true;
  for (const { perms, scheme, id } of acl) {
    if ((perms & perm) !== 0 && scheme === 'world' && id === 'anyone') return true;
  }
  return identities.some((identity) => identity.scheme === 'super' || isGranted(acl, perm, identity));
};

function isGranted(acl: readonly Acl[], perm: number, identity: Identity): boolean {
  const scheme = SCHEMES.get(identity.scheme);
  if (scheme === undefined) return false;
  return acl.some(
    (entry) => (entry.perms & perm) !== 0 && entry.scheme === identity.scheme && scheme.matches(identity.id, entry.id),
  );
}

/** Every access looks at all of an ACL: far more than anybody needs. */
const ACL_ENTRIES_MAX = 1000;

/**
 * The ACL that a client asks for as it is stored (PrepRequestProcessor.fixupACL): without doubles, with the client's own
 * proven identities in place of `auth`. Undefined where ZooKeeper answers InvalidACL: nothing in it, `auth` from a client
 * that has proved nothing, an id that its scheme does not allow, or a scheme that nobody knows; and for one that is too long.
 */
export function resolveAcl(acl: readonly Acl[], identities: readonly Identity[]): readonly Acl[] | undefined {
  const resolved: Acl[] = [];
  const known = new Set<string>();
  for (const entry of acl) {
    // An ACL may be as long as a request: each entry is looked at once.
    const text = `${entry.perms} ${entry.scheme.length} ${entry.scheme} ${entry.id}`;
    if (known.has(text)) continue;
    known.add(text);
    if (entry.scheme === 'auth') {
      const proven = identities.filter((identity) => SCHEMES.get(identity.scheme)?.proves === true);
      if (proven.length === 0) return undefined;
      for (const { scheme, id } of proven) resolved.push({ perms: entry.perms, scheme, id });
    } else if (isValid(entry)) {
      resolved.push(entry);
    } else {
      return undefined;
    }
    if (resolved.length > ACL_ENTRIES_MAX) return undefined;
  }
  return resolved.length === 0 ? undefined : resolved;
}

function isValid({ scheme, id }: Acl): boolean {
  return (scheme === 'world' && id === 'anyone') || SCHEMES.get(scheme)?.isValid(id) === true;
}

/** The length of what Java's `split(":")` returns: it leaves out empty parts at the end. */
function javaPartCount(id: string): number {
  const parts = id.split(':');
  while (parts.length > 0 && parts.at(-1) === '') parts.pop();
  return parts.length;
}
