// A flame graph of a CPU profile, as an SVG that shows the whole text of a frame where the pointer rests: each frame as wide as its share of the time that the thread did not sleep, callees above callers.
// After Brendan Gregg, "The Flame Graph", Communications of the ACM 59 (6), 2016. Libraries for it write a page with a program in it, not a picture that a document can show.
import { readFileSync, writeFileSync } from 'node:fs';
import { type CpuProfile, isAsleep, type ProfileNode } from '../cpu-profile.ts';
import { NoReport } from './file.ts';

interface Frame {
  readonly name: string;
  readonly kind: Kind;
  /** Of its own and all that it called, in microseconds. */
  us: number;
  readonly callees: Map<string, Frame>;
}

/** `outside`: what runs outside of JavaScript, reads and writes of sockets above all. */
const colours = { ours: '#f2a65a', packages: '#e8d27a', node: '#a9c7e8', garbage: '#d98c8c', outside: '#b8b8b8' } as const;
type Kind = keyof typeof colours;
const says: Readonly<Record<Kind, string>> = { ours: 'ours', packages: 'packages', node: 'Node and V8', garbage: 'garbage', outside: 'outside of JavaScript' };

const size = { width: 1_200, row: 17, head: 46, margin: 8, letter: 6.6, shareMin: 0.001 } as const;

/** Throws NoReport where `from` is no profile. */
export function drawProfile(from: string, to: string, title: string): void {
  writeFileSync(to, flameGraph(profileIn(from), title));
}

function profileIn(path: string): CpuProfile {
  let profile: Partial<CpuProfile>;
  try {
    profile = JSON.parse(readFileSync(path, 'utf8')) as Partial<CpuProfile>;
  } catch (cause) {
    throw new NoReport(`${path} cannot be read as a CPU profile: ${(cause as Error).message}.`, { cause });
  }
  if (![profile?.nodes, profile?.samples, profile?.timeDeltas].every(Array.isArray)) throw new NoReport(`${path} is no CPU profile: --cpu-prof DIR writes them.`);
  return profile as CpuProfile;
}

/** `title` stands above it. Frames below a thousandth are left out. */
export function flameGraph(profile: CpuProfile, title: string): string {
  const root = treeOf(profile);
  const depth = Math.max(1, depthOf(root, root.us));
  const height = size.head + depth * size.row + size.margin;
  const frames: string[] = [];
  draw(root, { x: size.margin, row: 0, perUs: (size.width - 2 * size.margin) / Math.max(1, root.us), total: root.us, bottom: height - size.margin }, frames);
  const legend = Object.entries(colours).map(([kind, colour], at) => {
    const x = size.margin + at * 150;
    return `<rect x="${x}" y="26" width="12" height="12" fill="${colour}"/><text x="${x + 16}" y="36">${says[kind as Kind]}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" font-family="monospace" font-size="11" role="img">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="${size.margin}" y="17" font-size="13">${escaped(title)}</text>
${legend.join('\n')}
${frames.join('\n')}
</svg>
`;
}

function treeOf({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const own = new Map<number, number>();
  // What was seen at a sample is taken to have run until the next one.
  for (const [nth, sample] of samples.entries()) own.set(sample, (own.get(sample) ?? 0) + (timeDeltas[nth + 1] ?? 0));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const root: Frame = { name: 'all', kind: 'outside', us: 0, callees: new Map() };
  const add = (node: ProfileNode, into: Frame): number => {
    const { functionName } = node.callFrame;
    if (isAsleep(node.callFrame)) return 0;
    const frame = functionName === '(root)' ? into : calleeOf(into, node);
    let us = own.get(node.id) ?? 0;
    for (const child of node.children ?? []) us += add(byId.get(child) as ProfileNode, frame);
    if (frame !== into) frame.us += us;
    return us;
  };
  const first = nodes.find(({ callFrame }) => callFrame.functionName === '(root)') ?? nodes[0];
  root.us = first === undefined ? 0 : add(first, root);
  return root;
}

/** The same function called from the same place may stand in a profile several times: as it was compiled anew. */
function calleeOf(caller: Frame, { callFrame: { functionName, url } }: ProfileNode): Frame {
  const file = url.replace(/^.*\/(?=(?:src|bench|node_modules)\/)/, '').replace(/^node_modules\/((?:@[^/]+\/)?[^/]+)\/.*$/, '$1');
  const name = functionName === '(program)' ? 'outside of JavaScript' : `${functionName || '(anonymous)'}${file === '' ? '' : ` ${file}`}`;
  const known = caller.callees.get(name);
  if (known !== undefined) return known;
  const frame: Frame = { name, kind: kindOf(functionName, url), us: 0, callees: new Map() };
  caller.callees.set(name, frame);
  return frame;
}

function kindOf(functionName: string, url: string): Kind {
  if (functionName === '(program)') return 'outside';
  if (functionName === '(garbage collector)') return 'garbage';
  if (url === '' || url.startsWith('node:')) return 'node';
  return url.includes('/node_modules/') ? 'packages' : 'ours';
}

const isShown = ({ us }: Frame, total: number): boolean => us >= total * size.shareMin;

function depthOf({ callees }: Frame, total: number): number {
  return Math.max(0, ...[...callees.values()].filter((frame) => isShown(frame, total)).map((frame) => 1 + depthOf(frame, total)));
}

interface At {
  readonly x: number;
  readonly row: number;
  readonly perUs: number;
  readonly total: number;
  readonly bottom: number;
}

/** The callees of a frame, by name, so that two graphs can be compared. */
function draw({ callees }: Frame, at: At, frames: string[]): void {
  let { x } = at;
  for (const frame of [...callees.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const width = frame.us * at.perUs;
    if (isShown(frame, at.total)) {
      const y = at.bottom - (at.row + 1) * size.row;
      const letters = Math.floor((width - 4) / size.letter);
      const text = letters < 3 ? '' : `<text x="${(x + 2).toFixed(1)}" y="${y + 12}">${escaped(cut(frame.name, letters))}</text>`;
      const share = ((100 * frame.us) / at.total).toFixed(1);
      frames.push(
        `<g><title>${escaped(frame.name)}: ${share} %</title><rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(0.3, width - 0.5).toFixed(1)}" height="${size.row - 1}" fill="${colours[frame.kind]}"/>${text}</g>`,
      );
      draw(frame, { ...at, x, row: at.row + 1 }, frames);
    }
    x += width;
  }
}

const cut = (text: string, letters: number): string => (text.length <= letters ? text : `${text.slice(0, letters - 1)}…`);

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (letter) => escapes[letter] as string);
