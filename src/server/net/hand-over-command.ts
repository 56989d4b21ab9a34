import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AdminLogins } from './admin-logins.ts';
import { refuse, type Refusal } from './admin-refusal.ts';
import type { ServerView } from './server-view.ts';

const COMMAND = 'handover';

/**
 * `POST /commands/handover`, for administrators: this leader lets an up-to-date follower lead instead, and follows it.
 * Answered with 202 and the ids of those that may lead as soon as it is begun; GET /status says when it is done.
 */
export function answerHandOver(
  view: ServerView,
  logins: AdminLogins,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const refusal = logins.refusalOf(request);
  if (refusal !== undefined) {
    refuse(response, COMMAND, refusal);
    return;
  }
  const { learners } = view.ensemble();
  if (learners === undefined) {
    refuse(response, COMMAND, NOT_LEADING);
    return;
  }
  const candidates = learners.filter(({ role }) => role === 'follower').map(({ id }) => id);
  if (candidates.length === 0) {
    refuse(response, COMMAND, NO_CANDIDATE);
    return;
  }
  view.logger.info('asked to hand over', { candidates });
  view.handOver();
  response.writeHead(202, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify({ command: COMMAND, error: null, candidates })}\n`);
}

const NOT_LEADING: Refusal = {
  status: 409,
  error: 'this server does not lead: ask the leader, which GET /status names',
};

const NO_CANDIDATE: Refusal = {
  status: 409,
  error: 'no other participant is synchronized: start one, or wait until one has synchronized',
};
