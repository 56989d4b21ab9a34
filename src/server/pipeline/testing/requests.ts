import type { JuteWriter } from '../../protocol/jute-writer.ts';
import { OpCode, Perm, SpecialXid } from '../../protocol/opcodes.ts';
import { readStat } from '../../protocol/record-codecs.ts';
import type { Acl, Stat } from '../../protocol/records.ts';
import { encodeUtf8 } from '../../../common/utf8.ts';
import * as requests from '../../protocol/requests.ts';
import { writeMultiRequest, type MultiOperation } from '../../protocol/multi.ts';
import type { Reply, TestClient } from './test-client.ts';

/** Anyone may do anything (ZooDefs.Ids.OPEN_ACL_UNSAFE). */
export const OPEN_ACL: readonly Acl[] = [{ perms: Perm.all, scheme: 'world', id: 'anyone' }];

/** Each sends one request of the client's and returns its xid. */
export const send = {
  create(
    client: TestClient,
    path: string,
    options: { data?: Uint8Array | null; acl?: readonly Acl[]; flags?: number; type?: number } = {},
  ): number {
    const { data = null, acl = OPEN_ACL, flags = 0, type = OpCode.create } = options;
    return client.request(type, (writer) => requests.writeCreateRequest(writer, { path, data, acl, flags }));
  },
  delete(client: TestClient, path: string, version = -1): number {
    return client.request(OpCode.delete, (writer) => requests.writePathVersionRequest(writer, { path, version }));
  },
  setData(client: TestClient, path: string, data: string, version = -1): number {
    return client.request(OpCode.setData, (writer) =>
      requests.writeSetDataRequest(writer, { path, data: encodeUtf8(data), version }),
    );
  },
  setAcl(client: TestClient, path: string, acl: readonly Acl[], version = -1): number {
    return client.request(OpCode.setACL, (writer) => requests.writeSetAclRequest(writer, { path, acl, version }));
  },
  getData: watching(OpCode.getData),
  exists: watching(OpCode.exists),
  getChildren: watching(OpCode.getChildren),
  getChildren2: watching(OpCode.getChildren2),
  path(client: TestClient, type: number, path: string): number {
    return client.request(type, (writer) => requests.writePathRequest(writer, { path }));
  },
  multi(client: TestClient, operations: readonly MultiOperation[], type: number = OpCode.multi): number {
    return client.request(type, (writer) => writeMultiRequest(writer, operations));
  },
  auth(client: TestClient, scheme: string, credentials: string): void {
    client.send(SpecialXid.auth, OpCode.auth, (writer) =>
      requests.writeAuthPacket(writer, { type: 0, scheme, auth: encodeUtf8(credentials) }),
    );
  },
  watch(client: TestClient, type: number, path: string, kind: number): number {
    return client.request(type, (writer) => requests.writeWatchRequest(writer, { path, kind }));
  },
};

/** The Stat of a reply whose body is one. */
export function statOf(reply: Reply): Stat {
  return readStat(reply.body);
}

function watching(type: number): (client: TestClient, path: string, watch?: boolean) => number {
  return (client, path, watch = false) =>
    client.request(type, (writer: JuteWriter) => requests.writePathWatchRequest(writer, { path, watch }));
}
