import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Which server a member runs: the one of this repository, or Apache ZooKeeper, the oracle. */
export type ServerKind = 'ours' | 'apache';

const repository = resolve(import.meta.dirname, '..', '..');
const cacheRoot =
  process.env['ZABKEEPER_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'zabkeeper');

/** Where `e2e/peers/install.sh` puts what it installs. */
export const peerPaths = {
  javaLibraries: join(cacheRoot, 'peers', 'java', 'lib'),
  javaClasses: join(cacheRoot, 'peers', 'java-classes'),
  python: join(cacheRoot, 'peers', 'python', 'bin', 'python'),
  goPrograms: join(cacheRoot, 'peers', 'go'),
  promtool: join(cacheRoot, 'peers', 'prometheus', 'usr', 'bin', 'promtool'),
  sources: join(repository, 'e2e', 'peers'),
} as const;

/** The server under test, chosen by PEER_SERVER (default: ours). `apache` shows that a suite itself is right. */
export function serverUnderTest(): ServerKind {
  const kind = process.env['PEER_SERVER'] ?? 'ours';
  if (kind !== 'ours' && kind !== 'apache') throw new Error(`PEER_SERVER=${kind}: write 'ours' or 'apache'`);
  return kind;
}

/** `-cp` for programs of Apache ZooKeeper. @throws Error if the peers are not installed. */
export function javaClassPath(): string {
  if (!existsSync(peerPaths.javaLibraries)) {
    throw new Error('Apache ZooKeeper is not installed. Run e2e/peers/install.sh');
  }
  return `${peerPaths.javaLibraries}/*:${peerPaths.javaClasses}`;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

/** JVM flags for short lives: with two cores the optimizing compiler costs more than it gives back within a minute. */
export const shortLivedJvm: readonly string[] = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

/** A Java program of Apache ZooKeeper or of ours. */
export function javaCommand(
  mainClass: string,
  args: readonly string[],
  jvm: readonly string[] = shortLivedJvm,
): Command {
  const logging = `-Dlogback.configurationFile=${join(peerPaths.sources, 'java', 'logback.xml')}`;
  return { program: 'java', args: [...jvm, logging, '-cp', javaClassPath(), mainClass, ...args] };
}

/** Our command line tool, with these arguments. */
export function zabctlCommand(args: readonly string[]): Command {
  return { program: process.execPath, args: [join(repository, 'src', 'cli', 'main.ts'), ...args] };
}

/** How to start a server from a `zoo.cfg`. BUNDLE=1 takes the bundle that goes into the image instead of the sources. */
export function serverCommand(kind: ServerKind, zooCfg: string, jvm?: readonly string[]): Command {
  switch (kind) {
    case 'apache':
      return javaCommand('org.apache.zookeeper.server.quorum.QuorumPeerMain', [zooCfg], jvm);
    case 'ours': {
      const entry = process.env['BUNDLE'] ? ['dist', 'server.mjs'] : ['src', 'server', 'main.ts'];
      return { program: process.execPath, args: [join(repository, ...entry), zooCfg] };
    }
  }
}
