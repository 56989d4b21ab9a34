import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/** The story of this project with the Java client. Argument: host:port,host:port,...  Its last line is `story: done`. */
public final class Story {
    private static final int TIMEOUT_S = 20;

    private interface Call {
        void run() throws Exception;
    }

    private static String[] hosts;

    public static void main(String[] args) throws Exception {
        hosts = args[0].split(",");
        versionsAndAcl();
        registration();
        configuration();
        System.out.println("story: done");
    }

    /** Connects to one member only, so that what one client writes another sees through the ensemble. */
    private static ZooKeeper client(int index) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper client = new ZooKeeper(hosts[index % hosts.length], 10_000, event -> {
            if (event.getState() == KeeperState.SyncConnected) {
                connected.countDown();
            }
        });
        check(connected.await(TIMEOUT_S, TimeUnit.SECONDS), "no session with " + hosts[index % hosts.length]);
        return client;
    }

    private static void versionsAndAcl() throws Exception {
        ZooKeeper owner = client(0);
        ZooKeeper stranger = client(1);
        String path = "/java-orders";
        owner.addAuthInfo("digest", bytes("owner:secret"));
        equal(path, owner.create(path, bytes("one"), ZooDefs.Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT));
        Stat stat = new Stat();
        equal("one", text(owner.getData(path, false, stat)));
        equal(0, stat.getVersion());
        equal(3, stat.getDataLength());
        sync(stranger, path);
        refused(KeeperException.Code.NOAUTH, () -> stranger.getData(path, false, null));
        equal(1, owner.setData(path, bytes("two"), 0).getVersion());
        refused(KeeperException.Code.BADVERSION, () -> owner.setData(path, bytes("three"), 0));
        refused(KeeperException.Code.BADVERSION, () -> owner.delete(path, 0));
        owner.delete(path, 1);
        refused(KeeperException.Code.NONODE, () -> owner.getData(path, false, null));
        owner.close();
        stranger.close();
        System.out.println("created with an ACL, read, set with its version, refused with a stale one, deleted");
    }

    private static void registration() throws Exception {
        ZooKeeper watcher = client(0);
        ZooKeeper service = client(1);
        String path = "/java-services";
        BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
        watcher.create(path, null, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        sync(service, path);
        equal(List.of(), watcher.getChildren(path, events::add));
        String name = service.create(path + "/instance-", bytes("10.0.0.7:8080"), ZooDefs.Ids.OPEN_ACL_UNSAFE,
            CreateMode.EPHEMERAL_SEQUENTIAL);
        next(events, EventType.NodeChildrenChanged);
        equal(List.of(name.substring(path.length() + 1)), watcher.getChildren(path, events::add));
        service.close();
        next(events, EventType.NodeChildrenChanged);
        equal(List.of(), watcher.getChildren(path, false));
        watcher.close();
        System.out.println("a watcher learned that a registration came and went");
    }

    private static void configuration() throws Exception {
        String path = "/java-config";
        ZooKeeper writer = client(0);
        writer.create(path, bytes("value-0"), ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        List<ZooKeeper> readers = new ArrayList<>(Arrays.asList(client(0), client(1), client(2)));
        for (int version = 1; version <= 3; version++) {
            List<BlockingQueue<WatchedEvent>> watches = new ArrayList<>();
            for (ZooKeeper reader : readers) {
                BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
                sync(reader, path);
                Stat stat = new Stat();
                reader.getData(path, events::add, stat);
                equal(version - 1, stat.getVersion());
                watches.add(events);
            }
            writer.setData(path, bytes("value-" + version), -1);
            for (int index = 0; index < readers.size(); index++) {
                next(watches.get(index), EventType.NodeDataChanged);
                Stat stat = new Stat();
                equal("value-" + version, text(readers.get(index).getData(path, false, stat)));
                equal(version, stat.getVersion());
            }
        }
        for (ZooKeeper reader : readers) {
            reader.close();
        }
        writer.close();
        System.out.println("every watcher saw each new version of a configuration value");
    }

    private static void sync(ZooKeeper client, String path) throws InterruptedException {
        CountDownLatch done = new CountDownLatch(1);
        client.sync(path, (rc, p, context) -> done.countDown(), null);
        check(done.await(TIMEOUT_S, TimeUnit.SECONDS), "no answer to sync");
    }

    private static void next(BlockingQueue<WatchedEvent> events, EventType expected) throws InterruptedException {
        WatchedEvent event = events.poll(TIMEOUT_S, TimeUnit.SECONDS);
        check(event != null, "no " + expected);
        equal(expected, event.getType());
    }

    private static void refused(KeeperException.Code code, Call call) throws Exception {
        try {
            call.run();
        } catch (KeeperException e) {
            equal(code, e.code());
            return;
        }
        throw new AssertionError("not refused; expected " + code);
    }

    private static void equal(Object expected, Object actual) {
        check(expected.equals(actual), "expected " + expected + ", got " + actual);
    }

    private static void check(boolean ok, String message) {
        if (!ok) {
            throw new AssertionError(message);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
