import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import { encodeBase64 } from '../../common/base64.ts';
import { sha1 } from '../../common/sha1.ts';
import { encodeUtf8 } from '../../common/utf8.ts';
import { ownedMetadata } from './ensemble.ts';
import type { Secret } from './kubernetes.ts';
import { operatorSecretName } from './names.ts';

/** ZooKeeper's super user of one ensemble: who may reconfigure it and take snapshots, whatever its ACLs say. */
export interface SuperUser {
  readonly username: string;
  readonly password: string;
  /** `user:base64(SHA-1(user:password))`, the value of `DigestAuthenticationProvider.superDigest`. */
  readonly digest: string;
}

const USERNAME = 'super';

/**
 * The super user with this password. SHA-1 is what the protocol wants; it hides a password as long as nobody can guess it,
 * which is why the operator makes one of random bytes and no person chooses it.
 */
export function superUser(password: string): SuperUser {
  const digest = `${USERNAME}:${encodeBase64(sha1(encodeUtf8(`${USERNAME}:${password}`)))}`;
  return { username: USERNAME, password, digest };
}

/** The Secret that keeps the super user for as long as the cluster lives. To be created and never to be overwritten. */
export function operatorSecret(cluster: CoordinationCluster, { username, password, digest }: SuperUser): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: ownedMetadata(cluster, operatorSecretName(cluster)),
    type: 'Opaque',
    stringData: { username, password, digest },
    immutable: true,
  };
}
