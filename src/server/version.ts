/** This project's version; a test keeps it that of package.json. */
export const VERSION = '0.1.0';

/** The Apache ZooKeeper whose protocol and commands this server follows: clients read it from `srvr` and decide by it. */
const ZOOKEEPER_VERSION = '3.9.3';

/** In the form in which `srvr` and `mntr` show it, and which clients take apart with regular expressions. */
export const FULL_VERSION = `${ZOOKEEPER_VERSION}-zabkeeper-${VERSION}, built on 11/22/2025 00:00 UTC`;
