import type { Operation } from '../raw/operations.ts';

/**
 * One thing that happens in a differential run. Sessions are numbered; paths are relative to the run's own root, unless
 * they begin with `literalPath`.
 */
export type Step =
  /** Operations sent at once on one session, the next not waiting for the reply to the one before. */
  | { readonly kind: 'requests'; readonly session: number; readonly operations: readonly Operation[] }
  /** An operation after which the server must end the connection; the session is then closed and replaced. */
  | { readonly kind: 'fatal'; readonly session: number; readonly operation: Operation }
  /** The connection is cut, the session lives on; it is taken up again on another member, with these watches. */
  | {
      readonly kind: 'reconnect';
      readonly session: number;
      /** How far the zxid that the client says it has seen lies behind the last one. */
      readonly zxidsBehind: number;
      readonly watches: { readonly data: string[]; readonly exist: string[]; readonly child: string[] };
    }
  /** The session is closed, and another one opened in its place. */
  | { readonly kind: 'closeSession'; readonly session: number };

/** Marks a path that is sent as it stands after this mark. */
export const literalPath = '!';

/** A step as one line for a report. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'requests':
      return `session ${step.session}: ${step.operations.map((operation) => describeOperation(operation)).join('; ')}`;
    case 'fatal':
      return `session ${step.session}: ${describeOperation(step.operation)} (must end the connection)`;
    case 'reconnect':
      return `session ${step.session}: reconnects, ${step.zxidsBehind} zxids behind, ${JSON.stringify(step.watches)}`;
    case 'closeSession':
      return `session ${step.session}: is closed and replaced`;
  }
}

function describeOperation(operation: Operation): string {
  const { op, ...fields } = operation;
  return `${op} ${JSON.stringify(fields, (_, value: unknown) => readable(value))}`;
}

function readable(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  // Buffers have been through toJSON before a replacer sees them.
  if (typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value) {
    return Buffer.from(value.data as number[])
      .toString('latin1')
      .slice(0, 40);
  }
  return value;
}
