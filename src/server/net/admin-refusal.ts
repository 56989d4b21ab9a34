import type { ServerResponse } from 'node:http';
import type { AdminAccess } from '../pipeline/admin-access.ts';

/** Why a command that is for administrators is not carried out. */
export interface Refusal {
  readonly status: number;
  readonly error: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** In ZooKeeper's words (Commands.runCommand). */
export const ACCESS_REFUSALS: Readonly<Record<Exclude<AdminAccess, 'allowed'>, Refusal>> = {
  missing: { status: 401, error: 'Auth info is missing for the command' },
  notAuthenticated: { status: 401, error: 'Not authenticated' },
  notAuthorized: { status: 403, error: 'Not authorized' },
};

export function refuse(response: ServerResponse, command: string, { status, error, headers }: Refusal): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
  response.end(`${JSON.stringify({ command, error })}\n`);
}
