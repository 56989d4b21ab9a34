import { CodedError } from '../common/errors.ts';

/** What timers count to. */
const TIMER_MS_MAX = 2 ** 31 - 1;
const INT_MAX = 2 ** 31 - 1;

/** `--timeout`, in milliseconds. @throws CodedError ZK_CLI_ARGUMENTS, as everything here */
export function timeoutMs(seconds: string): number {
  const ms = Number(seconds) * 1000;
  if (ms > 0 && ms <= TIMER_MS_MAX) return ms;
  throw wrong(`'${seconds}' is no time to wait: give --timeout in seconds, more than 0`);
}

/** `--wait`, in milliseconds. */
export function waitMs(seconds: string): number {
  const ms = Number(seconds) * 1000;
  if (seconds.trim() !== '' && ms >= 0 && ms <= TIMER_MS_MAX) return ms;
  throw wrong(`'${seconds}' is no time to wait: give --wait in seconds`);
}

/** `--auth`. */
export function identity(text: string): { readonly scheme: string; readonly proof: string } {
  const colon = text.indexOf(':');
  // Not what it is: it may be a password.
  if (colon < 1)
    throw wrong('--auth (ZABCTL_AUTH) is no identity: give a scheme and its proof, such as digest:user:password');
  return { scheme: text.slice(0, colon), proof: text.slice(colon + 1) };
}

/** `--version` of a znode; -1 is any. */
export function znodeVersion(text: string): number {
  const version = Number(text);
  if (/^(-1|\d+)$/.test(text) && version <= INT_MAX) return version;
  throw wrong(`'${text}' is no version of a znode: give the number that stat prints, or -1 for any`);
}

/** `--version` of the configuration, in hexadecimal. */
export function configurationVersion(text: string): string {
  if (/^[0-9a-f]{1,14}$/i.test(text)) return text;
  throw wrong(`'${text}' is no version of the configuration: give it as config prints it behind version=`);
}

/** `--leaving`. */
export function serverId(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw wrong(`'${text}' is not the id of a server: give N of its line server.N=...`);
}

/** `--sha256`. */
export function checksum(text: string): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  throw wrong(`'${text}' is no SHA-256: give 64 hexadecimal digits, as sha256sum prints them`);
}

function wrong(message: string): CodedError {
  return new CodedError('ZK_CLI_ARGUMENTS', message);
}
