import { CodedError } from '../../common/errors.ts';
import { encodeUtf8 } from '../../common/utf8.ts';
import { OpCode, Perm, ReplyCode } from '../protocol/opcodes.ts';
import type { ReconfigRequest } from '../protocol/requests.ts';
import type { Membership } from '../zab/types.ts';
import type { Access } from './access.ts';
import type { OutstandingChanges } from './changes.ts';
import type { Prepared, PrepareContext, Reconfiguring } from './prepare-context.ts';

/** Holds the configuration; only a reconfiguration writes it. */
export const CONFIG_PATH = '/zookeeper/config';

/** The version that ZooKeeper gives the znode: its own is the zxid in its text. */
const CONFIG_VERSION = -1;

/** The transaction that changes the ensemble's configuration. The order of the checks is ZooKeeper's. */
export function prepareReconfig(
  request: ReconfigRequest,
  context: PrepareContext,
  reconfiguring: Reconfiguring | undefined,
  changes: OutstandingChanges,
  access: Access,
): Prepared {
  if (reconfiguring === undefined) return ReplyCode.reconfigDisabled;
  if (context.sessionCode !== ReplyCode.ok) return context.sessionCode;
  const { current } = reconfiguring;
  if (current.text === '') return ReplyCode.unimplemented;
  if (reconfiguring.isUnderWay) return ReplyCode.reconfigInProgress;
  if (request.configVersion !== -1 && request.configVersion !== current.version) return ReplyCode.badVersion;
  const membership = changed(request, context, reconfiguring);
  if (membership === undefined) return ReplyCode.badArguments;
  if (!reconfiguring.isQuorumSynced(membership)) return ReplyCode.newConfigNoQuorum;
  const record = changes.get(CONFIG_PATH);
  if (record === undefined) return ReplyCode.noNode;
  if (!access.allows(record.acl, Perm.write, context.identities)) return ReplyCode.noAuth;
  changes.change(record, context.zxid);
  record.version = CONFIG_VERSION;
  return { type: OpCode.reconfig, path: CONFIG_PATH, data: encodeUtf8(membership.text), version: CONFIG_VERSION };
}

function changed(
  request: ReconfigRequest,
  { zxid }: PrepareContext,
  { current, change }: Reconfiguring,
): Membership | undefined {
  try {
    return change(current.text, request, zxid);
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== 'ZK_CONFIG_INVALID') throw error;
    return undefined;
  }
}
