import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.jute.BinaryInputArchive;
import org.apache.jute.BinaryOutputArchive;
import org.apache.zookeeper.ZooDefs.OpCode;
import org.apache.zookeeper.server.DataTree;
import org.apache.zookeeper.server.DataTree.ProcessTxnResult;
import org.apache.zookeeper.server.TxnLogEntry;
import org.apache.zookeeper.server.util.SerializeUtils;
import org.apache.zookeeper.txn.CreateSessionTxn;

/**
 * Lets Apache ZooKeeper's own DataTree apply transactions. Arguments: a file of histories, the file to write results to.
 *
 * Input, per history: int length of a snapshot's body and the body (0: begin with a new tree), int number of transactions, then
 * each with its int length. Output, per history: for each transaction its int error, the int number of its parts and their
 * errors, and the long digest of the tree after it; then int length and body of a snapshot.
 */
public final class ApplyTransactions {
    public static void main(String[] args) throws IOException {
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(new FileInputStream(args[0])));
                DataOutputStream out = new DataOutputStream(new FileOutputStream(args[1]))) {
            for (int left = in.readInt(); left > 0; left--) history(in, out);
        }
    }

    private static void history(DataInputStream in, DataOutputStream out) throws IOException {
        DataTree tree = new DataTree();
        Map<Long, Integer> sessions = new HashMap<>();
        byte[] body = frame(in);
        if (body.length > 0) {
            BinaryInputArchive archive = BinaryInputArchive.getArchive(new ByteArrayInputStream(body));
            SerializeUtils.deserializeSnapshot(tree, archive, sessions);
        }
        for (int left = in.readInt(); left > 0; left--) {
            TxnLogEntry entry = SerializeUtils.deserializeTxn(frame(in));
            long client = entry.getHeader().getClientId();
            if (entry.getHeader().getType() == OpCode.createSession) {
                sessions.put(client, ((CreateSessionTxn) entry.getTxn()).getTimeOut());
            } else if (entry.getHeader().getType() == OpCode.closeSession) {
                sessions.remove(client);
            }
            ProcessTxnResult result = tree.processTxn(entry.getHeader(), entry.getTxn());
            out.writeInt(result.err);
            out.writeInt(result.multiResult == null ? 0 : result.multiResult.size());
            if (result.multiResult != null) {
                for (ProcessTxnResult part : result.multiResult) out.writeInt(part.err);
            }
            out.writeLong(tree.getTreeDigest());
        }
        ByteArrayOutputStream snapshot = new ByteArrayOutputStream();
        SerializeUtils.serializeSnapshot(tree, BinaryOutputArchive.getArchive(snapshot), sessions);
        out.writeInt(snapshot.size());
        snapshot.writeTo(out);
    }

    private static byte[] frame(DataInputStream in) throws IOException {
        byte[] bytes = new byte[in.readInt()];
        in.readFully(bytes);
        return bytes;
    }
}
