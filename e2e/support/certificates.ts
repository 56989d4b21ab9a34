import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

// Node reads certificates and makes none. As much of X.509 (RFC 5280) in DER as a server and an authority need.

/** How long before and after now a certificate is valid, in milliseconds. */
const VALID_MS = 86_400_000;

const OID = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  basicConstraints: [0x55, 0x1d, 0x13],
  subjectAlternativeName: [0x55, 0x1d, 0x11],
} as const;

/** A certificate and its key, in PEM. */
export interface ServerCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** An authority of a test's own, that nobody trusts who has not been told of it. */
export class CertificateAuthority {
  /** Its certificate, in PEM. */
  readonly certificate: string;
  readonly #name: string;
  readonly #key: KeyObject;

  constructor(name: string) {
    const { publicKey, privateKey } = newKeys();
    this.#name = name;
    this.#key = privateKey;
    const isAuthority = extension(OID.basicConstraints, tagged(0x30, tagged(0x01, [0xff])));
    this.certificate = this.#issue(name, publicKey, isAuthority);
  }

  /** A certificate for a server that is reached under these host names. */
  serverCertificate(...hosts: readonly [string, ...string[]]): ServerCertificate {
    const { publicKey, privateKey } = newKeys();
    const names = hosts.map((host) => tagged(0x82, Buffer.from(host)));
    const certificate = this.#issue(hosts[0], publicKey, extension(OID.subjectAlternativeName, tagged(0x30, ...names)));
    return { certificate, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) };
  }

  #issue(subject: string, publicKey: KeyObject, extensions: Buffer): string {
    const algorithm = tagged(0x30, tagged(0x06, OID.ecdsaWithSha256));
    const toBeSigned = tagged(
      0x30,
      tagged(0xa0, tagged(0x02, [2])),
      // Without the highest bit, which would make it negative, and with the next, so that it has no leading zeroes.
      tagged(
        0x02,
        randomBytes(8).map((byte, index) => (index === 0 ? (byte & 0x7f) | 0x40 : byte)),
      ),
      algorithm,
      commonName(this.#name),
      tagged(0x30, utcTime(Date.now() - VALID_MS), utcTime(Date.now() + VALID_MS)),
      commonName(subject),
      publicKey.export({ type: 'spki', format: 'der' }),
      tagged(0xa3, tagged(0x30, extensions)),
    );
    const signature = sign('sha256', toBeSigned, this.#key);
    const body = tagged(0x30, toBeSigned, algorithm, tagged(0x03, [0], signature)).toString('base64');
    return `-----BEGIN CERTIFICATE-----\n${body.replaceAll(/.{64}/g, '$&\n').trimEnd()}\n-----END CERTIFICATE-----\n`;
  }
}

function newKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function commonName(name: string): Buffer {
  return tagged(0x30, tagged(0x31, tagged(0x30, tagged(0x06, OID.commonName), tagged(0x0c, Buffer.from(name)))));
}

/** Critical, so that whoever does not understand it refuses the certificate. */
function extension(oid: readonly number[], value: Buffer): Buffer {
  return tagged(0x30, tagged(0x06, oid), tagged(0x01, [0xff]), tagged(0x04, value));
}

function utcTime(atMs: number): Buffer {
  return tagged(0x17, Buffer.from(`${new Date(atMs).toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`));
}

/** Tag, length and value of DER. */
function tagged(tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const value = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([tag]), lengthOf(value.length), value]);
}

function lengthOf(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.from([bytes]);
  return bytes < 0x100 ? Buffer.from([0x81, bytes]) : Buffer.from([0x82, bytes >> 8, bytes & 0xff]);
}
