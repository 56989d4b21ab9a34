import type { SessionId } from '../../common/types.ts';
import type { ServerView } from './server-view.ts';

/** Watched paths by the session that watches them; for `wchc`, `wchp` and the like. Walks over all watches. */
export function watchesBySession(view: ServerView): Map<SessionId, readonly string[]> {
  const { watchedPaths } = view.inspect();
  const watched = view.clients().map(({ client, sessionId }) => [sessionId, watchedPaths(client)] as const);
  return new Map(watched.filter(([, paths]) => paths.length > 0));
}

/** Sessions by the path that they watch. */
export function watchesByPath(view: ServerView): Map<string, readonly SessionId[]> {
  const byPath = new Map<string, SessionId[]>();
  for (const [session, paths] of watchesBySession(view)) {
    for (const path of paths) {
      const sessions = byPath.get(path);
      if (sessions === undefined) byPath.set(path, [session]);
      else sessions.push(session);
    }
  }
  return byPath;
}

/** Paths of ephemerals by the session that they belong to. */
export function ephemeralsBySession(view: ServerView): Map<SessionId, readonly string[]> {
  const { sessions, ephemerals } = view.inspect();
  const owned = [...sessions.keys()].map((session) => [session, [...ephemerals(session)]] as const);
  return new Map(owned.filter(([, paths]) => paths.length > 0));
}

/** As ZooKeeper prints a session: `0x100000a2b3c0000`. */
export function hexSession(session: SessionId): string {
  return `0x${BigInt.asUintN(64, session).toString(16)}`;
}

/** `dump`, as a follower of Apache ZooKeeper prints it. */
export function dumpLines(view: ServerView): string {
  const { sessions } = view.inspect();
  const ephemerals = ephemeralsBySession(view);
  return [
    'SessionTracker dump:',
    `Global Sessions(${sessions.size}):`,
    ...[...sessions].map(([session, timeoutMs]) => `${hexSession(session)}\t${timeoutMs}ms`),
    'ephemeral nodes dump:',
    `Sessions with Ephemerals (${ephemerals.size}):`,
    ...[...ephemerals].map(([session, paths]) => group(`${hexSession(session)}:`, paths)),
    'Connections dump:',
    ...view.clients().map(({ client, address, sessionId, timeoutMs }) => {
      return ` /${address}:${view.connections.portOf(client)} ${hexSession(sessionId)} ${timeoutMs}ms`;
    }),
    '',
  ].join('\n');
}

/** `wchc`. */
export function watchesBySessionLines(view: ServerView): string {
  const groups = [...watchesBySession(view)].map(([session, paths]) => group(hexSession(session), paths));
  return `${groups.join('\n')}\n\n`;
}

/** `wchp`. */
export function watchesByPathLines(view: ServerView): string {
  const groups = [...watchesByPath(view)].map(([path, sessions]) => group(path, sessions.map(hexSession)));
  return `${groups.join('\n')}\n\n`;
}

/** Lines below a heading. */
function group(heading: string, lines: readonly string[]): string {
  return [heading, ...lines.map((line) => `\t${line}`)].join('\n');
}
