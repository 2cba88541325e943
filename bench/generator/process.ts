// A generator as a process of its own: does what fleet.ts asks, one request at a time, pinned to the core that its argument names. Ends with whoever started it.
import { pinThisProcess } from '../targets/pinned.ts';
import { Crew } from './crew.ts';
import { type FromGenerator, startOf, type ToGenerator, type WindowParts } from './fleet.ts';
import type { Standing } from './traffic.ts';

const standingEveryMs = 20;
const earlyMs = 5;

let crew: Crew | undefined;
let whole = false;
let toldAtMs = 0;

function tell(message: FromGenerator): void {
  process.send?.(message);
}

/** Asked in every turn while what was sent comes in: says how we stand, and heeds what all together have come to. */
function isWhole(standing: Standing): boolean {
  const nowMs = performance.now();
  if (nowMs - toldAtMs > standingEveryMs) {
    toldAtMs = nowMs;
    tell({ kind: 'standing', standing });
  }
  return whole;
}

async function done(request: ToGenerator): Promise<FromGenerator> {
  switch (request.kind) {
    case 'gather':
      crew = await Crew.gather(request.options, request.share, isWhole);
      watch(crew);
      return { kind: 'done' };
    case 'found':
      return { kind: 'done', founded: (await crew?.found()) ?? [] };
    case 'join':
      await crew?.join(request.founded);
      return { kind: 'done' };
    case 'window':
      return { kind: 'done', result: await window(crew as Crew, request) };
    default:
      throw new Error(`${request.kind} is no request`);
  }
}

async function window(own: Crew, { window: asked, startSharedMs }: ToGenerator & { kind: 'window' }): Promise<WindowParts> {
  whole = false;
  const startMs = startOf(startSharedMs);
  const early = (): boolean => performance.now() < startMs + asked.warmMs + asked.measuredMs - earlyMs;
  const end = (): void => void (early() && tell({ kind: 'gaveUp' }));
  const { latency, ...rest } = await own.window({ ...asked, startMs }, { begin: () => undefined, end });
  return { ...rest, latency: latency.dump() };
}

/** A connection that ends is told at once. */
function watch(own: Crew): void {
  const timer = setInterval(() => {
    const why = own.brokenWhy();
    if (why === undefined) return;
    clearInterval(timer);
    tell({ kind: 'broken', why });
  }, 200);
}

process.on('message', (request: ToGenerator) => {
  if (request.kind === 'whole') whole = true;
  else if (request.kind === 'giveUp') crew?.giveUp();
  else
    done(request).then(tell, (error: unknown) => {
      tell({ kind: 'failed', why: (error as Error).message });
    });
});
process.on('disconnect', () => process.exit(0));
const core = process.argv[2];
if (core !== undefined) pinThisProcess(Number(core));
