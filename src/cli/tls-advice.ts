/** What to do about a connection over TLS that did not come to be, by the code of Node's error. */
const ADVICE: readonly (readonly [codes: RegExp, advice: string])[] = [
  [
    /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|(DEPTH_ZERO_)?SELF_SIGNED_CERT(_IN_CHAIN)?|CERT_SIGNATURE_FAILURE)$/,
    'nobody who is trusted here has signed the certificate of the S3 server: give the certificate of the authority that did as caBundle (ZABCTL_S3_CA_BUNDLE)',
  ],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    'the certificate of the S3 server is for other host names: use one of them in the endpoint, or give the server a certificate for this one',
  ],
  [/^CERT_HAS_EXPIRED$/, 'give the S3 server a new certificate'],
  [/^CERT_NOT_YET_VALID$/, 'compare the clocks of the S3 server and of this machine'],
  [/^(EPROTO|ERR_SSL_WRONG_VERSION_NUMBER)$/, 'if the S3 server does not speak TLS, write http:// in the endpoint'],
];

/** The code of an error of TLS and what to do about it; undefined for other errors. */
export function tlsAdvice(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const code = String(error.code);
  const advice = ADVICE.find(([codes]) => codes.test(code))?.[1];
  return advice === undefined ? undefined : `${code}: ${advice}`;
}
