import { CodedError } from '../../common/errors.ts';
import type { MemberCounts, MemberOutput, Now } from './types.ts';

/** What the parts of a member share during one step: the time, and where outputs go. */
export class Step {
  nowMs = 0;
  wallMs = 0;
  outputs: MemberOutput[] = [];
  /** Since the start, not of this step. */
  readonly counts: MemberCounts = { sessionsRenewed: 0, sessionsExpired: 0, authFailures: 0 };

  begin(now: Now): void {
    this.nowMs = now.monotonicMs;
    this.wallMs = now.wallMs;
    this.outputs = [];
  }

  emit(output: MemberOutput): void {
    this.outputs.push(output);
  }

  log(level: 'debug' | 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>): void {
    this.outputs.push({ type: 'log', level, message, fields });
  }
}

/** True for the error of bytes that do not follow the protocol; everything else is a mistake of ours. */
export function isMalformed(error: unknown): boolean {
  return error instanceof CodedError && error.code === 'ZK_FRAME_MALFORMED';
}

/** As people and ZooKeeper's logs write a session: `0x1000a2b3c4d0000`. */
export function formatSession(id: bigint): string {
  return `0x${BigInt.asUintN(64, id).toString(16)}`;
}
