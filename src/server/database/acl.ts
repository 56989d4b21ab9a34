import type { Acl, Identity } from '../protocol/records.ts';
import { isInIpRange, parseClientAddress, parseIpRange } from './ip-address.ts';
import type { AclCheck } from './types.ts';

/** How one scheme of identities works (AuthenticationProvider). */
interface Scheme {
  /** True if having such an identity proves something, so that `auth` in an ACL may stand for it. */
  readonly proves: boolean;
  isValid(id: string): boolean;
  /** What says the permissions that an ACL's entries of this scheme give a client's identity. */
  permsBy(entries: readonly Acl[]): (identity: string) => number;
}

const SCHEMES: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  [
    'digest',
    {
      proves: true,
      isValid: (id) => javaPartCount(id) === 2,
      permsBy: (entries) => {
        const perms = new Map<string, number>();
        for (const entry of entries) perms.set(entry.id, (perms.get(entry.id) ?? 0) | entry.perms);
        return (identity) => perms.get(identity) ?? 0;
      },
    },
  ],
  [
    'ip',
    {
      proves: false,
      isValid: (id) => parseIpRange(id) !== undefined,
      permsBy: (entries) => {
        const ranges = entries.map(({ perms, id }) => ({ perms, range: parseIpRange(id) }));
        return (identity) => {
          const address = parseClientAddress(identity);
          if (address === undefined) return 0;
          return ranges.reduce(
            (sum, { perms, range }) => (range !== undefined && isInIpRange(address, range) ? sum | perms : sum),
            0,
          );
        };
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
  for (const entry of acl) {
    if ((entry.perms & perm) !== 0 && entry.scheme === 'world' && entry.id === 'anyone') return true;
  }
  return identities.some(({ scheme }) => scheme === 'super') || (grantsOf(acl).permsOf(identities) & perm) !== 0;
};

/**
 * What an ACL grants to whom, read once: a request may look at one ACL tens of thousands of times, and an ACL may have as many entries
 * as {@link ACL_ENTRIES_MAX}.
 */
class Grants {
  readonly #schemes = new Map<string, (identity: string) => number>();
  /** Who was asked about last, and may what. */
  #identities: readonly Identity[] | undefined;
  #perms = 0;

  constructor(acl: readonly Acl[]) {
    for (const [name, scheme] of SCHEMES) {
      const entries = acl.filter((entry) => entry.scheme === name);
      if (entries.length > 0) this.#schemes.set(name, scheme.permsBy(entries));
    }
  }

  permsOf(identities: readonly Identity[]): number {
    if (identities !== this.#identities) {
      this.#identities = identities;
      this.#perms = 0;
      for (const { scheme, id } of identities) this.#perms |= this.#schemes.get(scheme)?.(id) ?? 0;
    }
    return this.#perms;
  }
}

/** Neither an ACL that is in use nor a client's list of identities ever changes. */
const GRANTS = new WeakMap<readonly Acl[], Grants>();

function grantsOf(acl: readonly Acl[]): Grants {
  const known = GRANTS.get(acl);
  if (known !== undefined) return known;
  const grants = new Grants(acl);
  GRANTS.set(acl, grants);
  return grants;
}

/** Far more than anybody needs. */
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
