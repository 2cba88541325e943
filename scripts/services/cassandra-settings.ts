// What a Cassandra node is told: its configuration, its log's, and the flags of its Java.
import { join } from 'node:path';

export interface NodeSettings {
  readonly folder: string;
  readonly address: string;
  readonly seeds: readonly string[];
  readonly storagePort: number;
  readonly cqlPort: number;
  readonly token: bigint;
  readonly dataCenter: string;
  /** `periodic` answers before the commit log is on disk: with three nodes a quorum of machines stands for it. `group` waits for the disk. */
  readonly commitLog: 'periodic' | 'group';
  /** Whether CQL asks for a role and its password; the first role is cassandra, password cassandra. */
  readonly authentication: boolean;
  /** A node that is still joining and was not heard of for so long is forgotten by the others, as a seed too: on a busy machine for good. One that is alone waits for nothing. */
  readonly ringDelayMs: number;
  readonly heap: { readonly initialMiB: number; readonly maxMiB: number; readonly memtableMiB: number };
  /** Further lines of cassandra.yaml. */
  readonly configuration: string;
  /** Further flags of its Java. */
  readonly java: readonly string[];
}

const folders = { data_file_directories: 'data', commitlog_directory: 'commitlog', saved_caches_directory: 'saved-caches', hints_directory: 'hints', cdc_raw_directory: 'cdc' };

export function yamlOf({ folder, address, seeds, storagePort, cqlPort, commitLog, authentication, heap, configuration }: NodeSettings): string {
  const sync = commitLog === 'periodic' ? 'commitlog_sync: periodic\ncommitlog_sync_period: 10000ms' : 'commitlog_sync: group\ncommitlog_sync_group_window: 1ms';
  const places = Object.entries(folders).map(([name, place]) => (name === 'data_file_directories' ? `${name}: ["${join(folder, place)}"]` : `${name}: "${join(folder, place)}"`));
  return `cluster_name: parley
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
num_tokens: 1
auto_bootstrap: false
listen_address: ${address}
rpc_address: ${address}
storage_port: ${storagePort}
native_transport_port: ${cqlPort}
endpoint_snitch: GossipingPropertyFileSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{ seeds: "${seeds.map((seed) => `${seed}:${storagePort}`).join(',')}" }]
${places.join('\n')}
${sync}
commitlog_segment_size: 16MiB
commitlog_total_space: 256MiB
memtable_heap_space: ${heap.memtableMiB}MiB
memtable_offheap_space: ${heap.memtableMiB}MiB
key_cache_size: 8MiB
file_cache_size: 32MiB
networking_cache_size: 16MiB
concurrent_reads: 8
concurrent_writes: 16
concurrent_compactors: 1
compaction_throughput: 0MiB/s
auto_snapshot: false
paxos_variant: v2
${authentication ? 'authenticator: PasswordAuthenticator' : 'authenticator: AllowAllAuthenticator'}
${configuration}
`;
}

export const logback = `<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%-5level %date{HH:mm:ss.SSS} %logger{0} %msg%n</pattern></encoder></appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
`;

export const rackOf = (dataCenter: string): string => `dc=${dataCenter}\nrack=rack1\n`;

/** Java 17 keeps these to itself otherwise, and Cassandra dies at once. */
const exported = [
  ...['jdk.internal.misc', 'jdk.internal.ref', 'sun.nio.ch'].map((name) => `java.base/${name}`),
  'java.management.rmi/com.sun.jmx.remote.internal.rmi',
  'java.rmi/sun.rmi.registry',
  'java.rmi/sun.rmi.server',
  'java.sql/java.sql',
  'jdk.unsupported/sun.misc',
  'jdk.attach/sun.tools.attach',
];
const opened = [
  ...['loader', 'ref', 'reflect', 'math', 'module', 'util.jar'].map((name) => `java.base/jdk.internal.${name}`),
  ...['lang.module', 'io', 'nio', 'lang', 'util', 'util.concurrent', 'util.concurrent.atomic', 'net'].map((name) => `java.base/java.${name}`),
  'java.base/sun.nio.ch',
  'jdk.management/com.sun.management.internal',
];

/** `class` and all before it; to be run in any folder. */
export function javaArgumentsOf({ folder, token, heap, ringDelayMs, java }: NodeSettings, jars: string): readonly string[] {
  const properties = {
    'cassandra.config': `file://${join(folder, 'conf', 'cassandra.yaml')}`,
    'logback.configurationFile': join(folder, 'conf', 'logback.xml'),
    'cassandra.storagedir': folder,
    'cassandra-foreground': 'yes',
    'cassandra.skip_wait_for_gossip_to_settle': '0',
    'cassandra.ring_delay_ms': `${ringDelayMs}`,
    'cassandra.superuser_setup_delay_ms': '0',
    'cassandra.initial_token': `${token}`,
    'jdk.attach.allowAttachSelf': 'true',
    'io.netty.tryReflectionSetAccessible': 'true',
    'java.io.tmpdir': folder, // native libraries are unpacked here, and go with it
  };
  return [
    `-Xms${heap.initialMiB}m`,
    `-Xmx${heap.maxMiB}m`,
    '-Xss256k',
    '-XX:+UseSerialGC',
    ...java,
    ...exported.flatMap((name) => ['--add-exports', `${name}=ALL-UNNAMED`]),
    ...opened.flatMap((name) => ['--add-opens', `${name}=ALL-UNNAMED`]),
    ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
    '-cp',
    `${join(folder, 'conf')}:${join(jars, '*')}`,
    'org.apache.cassandra.service.CassandraDaemon',
  ];
}
