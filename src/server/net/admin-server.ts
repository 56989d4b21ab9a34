import type { Server, ServerResponse } from 'node:http';
import { formatZxid } from '../../common/zxid.ts';
import { formatServer } from '../config/servers.ts';
import { VERSION } from '../version.ts';
import { ADMIN_COMMANDS, runAdminCommand } from './admin-commands.ts';
import { AdminLogins } from './admin-logins.ts';
import { DiskSpace } from './disk-space.ts';
import { answerHandOver } from './hand-over-command.ts';
import { refuseRestore } from './restore-command.ts';
import { isServing, serverState } from './server-view.ts';
import type { ServerView } from './server-view.ts';
import { SnapshotCommand } from './snapshot-command.ts';

// An import would evaluate everything that node:http exports, a whole HTTP client and WebSocket among it.
const { createServer } = process.getBuiltinModule('node:http');

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * The HTTP server beside the protocol: `/livez` and `/readyz` for Kubernetes, `/status` for the operator, and `/commands`
 * as ZooKeeper's AdminServer has it, the streamed snapshot among them. It only reads, but for `POST /commands/handover`.
 */
export function createAdminServer(view: ServerView): Server {
  const logins = new AdminLogins(view);
  const snapshots = new SnapshotCommand(view, logins);
  const space = new DiskSpace(view.config);
  const pathsOf = (...names: string[]) => new Set(names.map((name) => `${view.config.admin.commandUrl}/${name}`));
  const snapshotPaths = pathsOf('snapshot', 'snap');
  const handOverPaths = pathsOf('handover');
  const restorePaths = pathsOf('restore', 'rest');
  const server = createServer((request, response) => {
    const url = URL.parse(request.url ?? '/', 'http://admin');
    if (url === null) {
      answerWith(response, NOT_A_PATH);
      return;
    }
    const { pathname, searchParams } = url;
    if (request.method === 'GET' && snapshotPaths.has(pathname)) {
      void snapshots.answer(request, searchParams, response);
      return;
    }
    if (request.method === 'POST' && handOverPaths.has(pathname)) {
      answerHandOver(view, logins, request, response);
      return;
    }
    if (request.method === 'POST' && restorePaths.has(pathname)) {
      refuseRestore(logins, request, response);
      return;
    }
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead) answerWith(response, NOT_ALLOWED);
    else answerRead(pathname, view, space, response);
  });
  // Whoever connects and says nothing does not keep the connection.
  server.headersTimeout = 5000;
  server.requestTimeout = 5000;
  return server;
}

/** Node leaves the body away where HEAD asks. */
function answerWith(response: ServerResponse, { status, body }: Answer): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(text);
}

/**
 * Looking at the state must not end the process: the watches of all clients may be more than the longest string, and a directory
 * cannot be read where clients have taken all file descriptors.
 */
function answerRead(path: string, view: ServerView, space: DiskSpace, response: ServerResponse): void {
  try {
    answerWith(response, answerGet(path, view, space));
  } catch (error) {
    view.logger.warn('cannot answer a request of the admin port', { path, reason: String(error) });
    answerWith(response, { status: 500, body: { error: `cannot answer ${path}: ${String(error)}` } });
  }
}

/** Anybody may ask for anything: `GET //` is no URL at all, and must not end the process. */
const NOT_A_PATH: Answer = { status: 400, body: { error: 'the request names no path' } };

const NOT_ALLOWED: Answer = { status: 405, body: { error: 'only GET is allowed, and POST for handover and restore' } };

function answerGet(path: string, view: ServerView, space: DiskSpace): Answer {
  const commandUrl = view.config.admin.commandUrl;
  if (path === '/livez') return { status: 200, body: { alive: true } };
  if (path === '/readyz') return readiness(view);
  if (path === '/status') return { status: 200, body: statusOf(view, space) };
  if (path === commandUrl)
    return { status: 200, body: { commands: [...ADMIN_COMMANDS, 'handover', 'restore', 'snapshot'].toSorted() } };
  if (path.startsWith(`${commandUrl}/`)) {
    const body = runAdminCommand(path.slice(commandUrl.length + 1), view);
    if (body !== undefined) return { status: 200, body };
  }
  return { status: 404, body: { error: `there is no ${path}: try /livez, /readyz, /status or ${commandUrl}` } };
}

function readiness(view: ServerView): Answer {
  if (isServing(view)) return { status: 200, body: { ready: true } };
  const { role } = view.status();
  const reason =
    role.state === 'looking'
      ? 'looking for a leader: no quorum is reachable yet'
      : `${role.state}, but not synchronized yet`;
  return { status: 503, body: { ready: false, reason } };
}

/** What the operator reads of a member. */
function statusOf(view: ServerView, { fullest }: DiskSpace): Record<string, unknown> {
  const status = view.status();
  const { role } = status;
  return {
    serverId: view.own.id,
    // Addresses of pods are used again: by this the operator knows whom it hears.
    ...(view.podUid === undefined ? {} : { podUid: view.podUid }),
    state: serverState(view),
    serving: isServing(view),
    epoch: status.epoch,
    lastZxid: formatZxid(status.lastZxid),
    leaderId: role.state === 'looking' ? null : role.state === 'leading' ? view.own.id : role.leader,
    version: VERSION,
    znodes: status.znodes,
    sessions: status.sessions,
    bytesData: status.dataBytes,
    ...(fullest === undefined ? {} : { volume: fullest }),
    ...ensembleOf(view),
    clients: view.connections.count,
    outstandingRequests: status.outstandingRequests,
    uptimeMs: Date.now() - view.startedAtMs,
  };
}

/** The configuration in force as this server knows it, and on a leader who is in sync with it. */
function ensembleOf(view: ServerView): Record<string, unknown> {
  const { config, own } = view;
  const { servers, version } = config.ensemble;
  const { voting, learners } = view.ensemble();
  const synced = learners && { synced: [own.id, ...learners.map(({ id }) => id)].toSorted((a, b) => a - b), learners };
  return {
    configuration: {
      version: version.toString(16),
      servers: servers.map((server) => ({ id: server.id, address: formatServer(server), role: server.role })),
    },
    voting,
    ...synced,
  };
}
