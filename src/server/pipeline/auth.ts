import { decodeUtf8, encodeUtf8 } from '../../common/utf8.ts';
import { encodeBase64 } from '../../common/base64.ts';
import { sha1 } from '../../common/sha1.ts';
import type { Identity } from '../protocol/records.ts';
import type { AuthPacket } from '../protocol/requests.ts';

/** The identity that may do everything. */
const SUPER: Identity = { scheme: 'super', id: '' };

/**
 * The identities that an auth packet proves, or undefined if it proves nothing: its scheme is unknown, or there is nothing
 * in it (DigestAuthenticationProvider, IPAuthenticationProvider).
 *
 * @param superDigest `user:base64(SHA-1(user:password))` of the super user, if there is one.
 */
export function authenticate(
  packet: AuthPacket,
  address: string,
  superDigest: string | undefined,
): readonly Identity[] | undefined {
  if (packet.scheme === 'ip') return [{ scheme: 'ip', id: address }];
  if (packet.scheme !== 'digest' || packet.auth === null) return undefined;
  const credentials = decodeUtf8(packet.auth);
  const digest: Identity = { scheme: 'digest', id: digestId(credentials) };
  return superDigest !== undefined && isSameText(digest.id, superDigest) ? [SUPER, digest] : [digest];
}

/** Takes the same time wherever they differ. */
function isSameText(given: string, expected: string): boolean {
  let difference = given.length ^ expected.length;
  for (let i = 0; i < expected.length; i++) difference |= expected.charCodeAt(i) ^ given.charCodeAt(i);
  return difference === 0;
}

/** `user:base64(SHA-1(user:password))` of `user:password`. */
function digestId(credentials: string): string {
  const user = credentials.split(':', 1)[0] ?? '';
  return `${user}:${encodeBase64(sha1(encodeUtf8(credentials)))}`;
}
