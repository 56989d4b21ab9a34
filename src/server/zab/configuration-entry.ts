import { decodeUtf8 } from '../../common/utf8.ts';
import { OpCode } from '../protocol/opcodes.ts';
import { decodeLogEntry } from '../protocol/transaction-codec.ts';
import type { LogEntry } from '../protocol/transactions.ts';

/** Where a transaction's type stands, behind session, cxid, zxid and time. */
const TYPE_OFFSET = 28;

/** The configuration's text in the log entry of a reconfiguration; undefined in any other, which is told without decoding it. */
export function configurationIn({ bytes }: LogEntry): string | undefined {
  if (bytes.length < TYPE_OFFSET + 4 || bytes[TYPE_OFFSET + 3] !== OpCode.reconfig) return undefined;
  if (bytes[TYPE_OFFSET] !== 0 || bytes[TYPE_OFFSET + 1] !== 0 || bytes[TYPE_OFFSET + 2] !== 0) return undefined;
  const { txn } = decodeLogEntry(bytes);
  return txn.type === OpCode.reconfig && txn.data !== null ? decodeUtf8(txn.data) : undefined;
}
