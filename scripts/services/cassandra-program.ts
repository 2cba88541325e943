// Apache Cassandra and the Java to run it: found, or fetched from Maven Central and Debian into a cache that outlives clones and test runs.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { canInstall, installCommand, installPackages } from './apt.ts';

/** There is none, or it does not start; the message says what to do. */
export class NoCassandra extends Error {}

export interface CassandraProgram {
  readonly java: string;
  /** The folder with all jars. */
  readonly jars: string;
}

export const cassandraVersion = '5.0.5';
const fetchMsMax = 8 * 60_000;
const javaVersions = [11, 17];

/** PARLEY_CASSANDRA_JARS names another folder with the jars of Cassandra 5. */
export function jarsFolder(): string {
  const named = process.env['PARLEY_CASSANDRA_JARS'];
  if (named !== undefined && named !== '') return named;
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'parley', `cassandra-${cassandraVersion}`, 'lib');
}

/** Finds, or fetches and installs; `say` is told what. Throws NoCassandra. */
export async function haveCassandra(say: (text: string) => void): Promise<CassandraProgram> {
  const java = haveJava(say);
  const jars = jarsFolder();
  if (!existsSync(jars)) await fetchJars(jars, say);
  return { java, jars };
}

function haveJava(say: (text: string) => void): string {
  const found = findJava();
  if (found !== undefined) return found;
  install(['openjdk-17-jre-headless'], 'Java 17', say);
  const installed = findJava();
  if (installed === undefined) throw new NoCassandra('Java was installed, but is not to be found. Set JAVA_HOME to a Java 17.');
  return installed;
}

/** One of a version that Cassandra 5 runs on. */
function findJava(): string | undefined {
  const home = process.env['JAVA_HOME'];
  const candidates = [...(home ? [join(home, 'bin', 'java')] : []), 'java', '/usr/lib/jvm/java-17-openjdk-amd64/bin/java', '/usr/lib/jvm/java-17-openjdk-arm64/bin/java'];
  return candidates.find((candidate) => {
    const { stderr, status } = spawnSync(candidate, ['-version'], { encoding: 'utf8' });
    return status === 0 && javaVersions.includes(Number(/version "(\d+)/.exec(stderr)?.[1]));
  });
}

function haveMaven(say: (text: string) => void): void {
  const isThere = (): boolean => spawnSync('mvn', ['--version'], { stdio: 'ignore' }).status === 0;
  if (!isThere()) install(['maven'], 'Maven', say);
  if (!isThere()) throw new NoCassandra('Maven was installed, but does not run. `mvn --version` must work.');
}

function install(packages: readonly string[], what: string, say: (text: string) => void): void {
  const byHand = installCommand(packages);
  if (!canInstall()) throw new NoCassandra(`Running Apache Cassandra needs ${what}. On Debian: \`sudo ${byHand}\`.`);
  say(`Installing ${what} with apt-get …`);
  const problem = installPackages(packages);
  if (problem !== undefined) throw new NoCassandra(`Installing ${what} failed: ${problem}. Try by hand: \`${byHand}\`.`);
}

/** Whole or not at all: several may fetch at once. */
async function fetchJars(jars: string, say: (text: string) => void): Promise<void> {
  haveMaven(say);
  say(`Fetching Apache Cassandra ${cassandraVersion} from Maven Central into ${jars} (66 MB, once) …`);
  const home = join(jars, '..');
  await mkdir(home, { recursive: true });
  const folder = await mkdtemp(join(home, 'fetching-'));
  try {
    await writeFile(join(folder, 'pom.xml'), pom);
    await promisify(execFile)(
      'mvn',
      ['-q', '-B', '-f', join(folder, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'lib')}`, '-DincludeScope=runtime'],
      {
        timeout: fetchMsMax,
      },
    );
    if (!(await readdir(join(folder, 'lib'))).includes(`cassandra-all-${cassandraVersion}.jar`)) throw new Error('the jar is not among what came');
    await rename(join(folder, 'lib'), jars).catch((error: unknown) => {
      if (!existsSync(jars)) throw error; // else somebody else was faster
    });
  } catch (cause) {
    throw new NoCassandra(
      `Fetching Apache Cassandra ${cassandraVersion} from Maven Central failed (it needs \`mvn\` and the network). Or set PARLEY_CASSANDRA_JARS to a folder with its jars: the lib folder of its release.`,
      { cause },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>parley</groupId><artifactId>cassandra</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId><version>${cassandraVersion}</version>
  </dependency></dependencies>
</project>
`;
