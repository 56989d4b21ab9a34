import type { ServerId } from '../common/types.ts';
import { OpCode, ReplyCode } from '../server/protocol/opcodes.ts';
import { writePathRequest, writePathWatchRequest } from '../server/protocol/requests.ts';
import { readGetDataResponse, readStringsResponse } from '../server/protocol/responses.ts';
import type { SimulatedClient } from './client.ts';
import { textOf } from './client-frames.ts';
import type { FinalState, FinalZnode } from './history.ts';
import { CONFIG } from './znodes.ts';

/**
 * Reads the whole tree (of /zookeeper, only the configuration) of one server through its client port, behind a `sync`; all of it again where the
 * connection breaks: an epoch may end with the very session that looks.
 */
export function inspect(client: SimulatedClient, server: ServerId, done: (final: FinalState) => void): void {
  client.onReady = () => {
    read(client, server, (final) => {
      client.onReady = () => {};
      done(final);
    });
  };
  client.connect();
}

function read(client: SimulatedClient, server: ServerId, done: (final: FinalState) => void): void {
  const znodes = new Map<string, FinalZnode>();
  let waiting = 0;
  let zxid = 0;
  const answered = (): void => {
    waiting--;
    if (waiting === 0) done({ server, zxid, znodes });
  };
  const visit = (path: string): void => {
    waiting += 2;
    const body = { path, watch: false };
    client.send({
      type: OpCode.getData,
      body: (writer) => writePathWatchRequest(writer, body),
      answered: (reply) => {
        if (reply === undefined) return;
        if (reply.header.error === ReplyCode.ok) {
          const { data, stat } = readGetDataResponse(reply.body);
          znodes.set(path, { ...stat, value: textOf(data) });
        }
        answered();
      },
    });
    client.send({
      type: OpCode.getChildren,
      body: (writer) => writePathWatchRequest(writer, body),
      answered: (reply) => {
        if (reply === undefined) return;
        const children = reply.header.error === ReplyCode.ok ? readStringsResponse(reply.body) : [];
        for (const child of children) {
          const childPath = path === '/' ? `/${child}` : `${path}/${child}`;
          if (childPath !== '/zookeeper') visit(childPath);
        }
        answered();
      },
    });
  };
  client.send({
    type: OpCode.sync,
    body: (writer) => writePathRequest(writer, { path: '/' }),
    answered: (reply) => {
      zxid = reply?.header.zxid ?? 0;
    },
  });
  visit('/');
  visit(CONFIG);
}
