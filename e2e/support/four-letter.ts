import { connect } from 'node:net';

/**
 * Sends a four-letter word and returns the whole answer.
 *
 * @throws Error if the server does not accept the connection or does not end the answer within `timeoutMs`.
 */
export function fourLetterWord(port: number, word: string, timeoutMs = 2000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let answer = '';
    socket.setEncoding('utf8');
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer to '${word}' within ${timeoutMs} ms`)));
    socket.on('connect', () => socket.write(word));
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

export type ServerMode = 'leader' | 'follower' | 'observer' | 'standalone';

/** The `Mode:` line of `srvr`; undefined while the server answers but does not serve. */
export async function serverMode(port: number): Promise<ServerMode | undefined> {
  const mode = /^Mode: (leader|follower|observer|standalone)$/m.exec(await fourLetterWord(port, 'srvr'))?.[1];
  return mode as ServerMode | undefined;
}
