import { checkAcl, resolveAcl } from '../database/acl.ts';
import type { AclCheck } from '../database/types.ts';
import type { Acl, Identity } from '../protocol/records.ts';

/** Who may do what: ZooKeeper's rules for ACLs, or none of them where skipACL is set. */
export interface Access {
  /** True if one of the identities has one of the permissions. */
  readonly allows: AclCheck;
  /**
   * The ACL that a client asks for as it is stored: without doubles, `auth` replaced by the client's own identities.
   * Undefined for one that is not valid.
   */
  readonly resolve: (acl: readonly Acl[], identities: readonly Identity[]) => readonly Acl[] | undefined;
}

/** @param skipAcl Everybody may do everything (zookeeper.skipACL); an ACL must still be a valid one. */
export function createAccess(skipAcl: boolean): Access {
  return { allows: skipAcl ? () => true : checkAcl, resolve: resolveAcl };
}
