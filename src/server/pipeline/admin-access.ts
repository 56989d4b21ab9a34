import { encodeUtf8 } from '../../common/utf8.ts';
import type { Database } from '../database/types.ts';
import { Perm } from '../protocol/opcodes.ts';
import type { Access } from './access.ts';
import { authenticate } from './auth.ts';

/** What becomes of a request of the admin port that is for administrators only. */
export type AdminAccess = 'allowed' | 'missing' | 'notAuthenticated' | 'notAuthorized';

const EVERY_PERMISSION = [Perm.read, Perm.write, Perm.create, Perm.delete, Perm.admin] as const;

/**
 * ZooKeeper's rule for such requests (Commands.AuthRequest): the Authorization header holds a scheme and what proves the
 * identity, `digest user:password` or `ip`, and this identity needs every permission on `/`.
 */
export function adminAccess(
  authorization: string | undefined,
  address: string,
  database: Database,
  access: Access,
  superDigest: string | undefined,
): AdminAccess {
  if (authorization === undefined) return 'missing';
  const [scheme = '', proof, ...more] = authorization.trim().split(/\s+/);
  const auth = proof === undefined ? null : encodeUtf8(proof);
  const identities = more.length > 0 ? undefined : authenticate({ type: 0, scheme, auth }, address, superDigest);
  if (identities === undefined) return 'notAuthenticated';
  const acl = database.znode('/')?.acl ?? [];
  return EVERY_PERMISSION.every((perm) => access.allows(acl, perm, identities)) ? 'allowed' : 'notAuthorized';
}
