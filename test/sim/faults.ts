// Everything that may go wrong in a simulated world, and how often. Each seed draws which kinds it has and how bad they are; `heal` ends them all.
import type { Draws } from './random.ts';

/** Rates are per occasion (a frame, a write, a step), from 0 to 1; `every…Ms` are mean times between two events of the whole world; 0: never. */
export interface Faults {
  /** Frames that vanish while the connection stays up, and pushes that vanish between nodes. Only in worlds whose link may lose. */
  lossRate: number;
  linkLossRate: number;
  doubleRate: number;
  /** Frames that come late: then others overtake them where the link may lose, else everything behind them waits. */
  delayRate: number;
  delayMsMax: number;
  cutEveryMs: number;
  /** A device stops reading for a while. */
  stallEveryMs: number;
  deviceCrashEveryMs: number;
  /** A device comes back from an older copy of its storage. */
  restoreEveryMs: number;
  clockJumpEveryMs: number;
  /** The server process dies with everything in its memory and all that had not reached the disk. */
  serverCrashEveryMs: number;
  /** Another process begins to serve while the old one lives on with its sockets for a while: two owners of every chat. */
  secondOwnerEveryMs: number;
  /** Times in which the disk is full, or the store out of reach. */
  troubleEveryMs: number;
  troubleMsMax: number;
  writeFailRate: number;
  readFailRate: number;
  /** Store operations that take long. */
  slowRate: number;
  unknownRate: number;
  stepThrowRate: number;
  commitThrowRate: number;
  performThrowRate: number;
  /** From here on only in worlds of several nodes. Heartbeats that vanish. */
  heartbeatLossRate: number;
  /** A process stands still for a while, and then goes on as if nothing had been. */
  pauseEveryMs: number;
  /** The nodes fall into two groups that don't hear each other. */
  splitEveryMs: number;
  /** One node is cut off from all others, and knows it. */
  cutOffEveryMs: number;
  /** What one node says to another does not get through for a while; the other way all is well. */
  oneWayEveryMs: number;
  /** One node hears no heartbeats of another, though all else: their views disagree. */
  deafEveryMs: number;
  /** A node is shut down in good order, and started again. */
  drainEveryMs: number;
}

export const noFaults: Faults = {
  lossRate: 0,
  linkLossRate: 0,
  doubleRate: 0,
  delayRate: 0,
  delayMsMax: 0,
  cutEveryMs: 0,
  stallEveryMs: 0,
  deviceCrashEveryMs: 0,
  restoreEveryMs: 0,
  clockJumpEveryMs: 0,
  serverCrashEveryMs: 0,
  secondOwnerEveryMs: 0,
  troubleEveryMs: 0,
  troubleMsMax: 0,
  writeFailRate: 0,
  readFailRate: 0,
  slowRate: 0,
  unknownRate: 0,
  stepThrowRate: 0,
  commitThrowRate: 0,
  performThrowRate: 0,
  heartbeatLossRate: 0,
  pauseEveryMs: 0,
  splitEveryMs: 0,
  cutOffEveryMs: 0,
  oneWayEveryMs: 0,
  deafEveryMs: 0,
  drainEveryMs: 0,
};

/** What this seed's world suffers: each kind with even odds, so that some worlds have one fault alone and some have nearly all. */
export function drawFaults(random: Draws, mayLose: boolean): Faults {
  const some = somewhere(random);
  const lossRate = some(0.002, 0.05);
  const linkLossRate = some(0.01, 0.2);
  const secondOwnerEveryMs = some(30_000, 120_000, 0.5); // two processes share no link here, as two nodes that cannot hear each other
  return {
    ...noFaults,
    lossRate: mayLose ? lossRate : 0,
    linkLossRate: mayLose ? linkLossRate : 0,
    doubleRate: some(0.005, 0.05),
    delayRate: some(0.01, 0.1),
    delayMsMax: random.between(50, 5_000),
    cutEveryMs: some(1_500, 20_000, 0.7),
    stallEveryMs: some(4_000, 30_000, 0.4),
    deviceCrashEveryMs: some(5_000, 40_000),
    restoreEveryMs: some(20_000, 90_000, 0.4),
    clockJumpEveryMs: some(15_000, 90_000, 0.3),
    serverCrashEveryMs: some(15_000, 120_000),
    secondOwnerEveryMs: mayLose ? secondOwnerEveryMs : 0,
    troubleEveryMs: some(15_000, 90_000, 0.3),
    troubleMsMax: random.between(200, 8_000),
    writeFailRate: some(0.002, 0.03, 0.4),
    readFailRate: some(0.002, 0.02, 0.4),
    slowRate: some(0.005, 0.1, 0.4),
    unknownRate: some(0.005, 0.08, 0.4),
    stepThrowRate: some(0.0005, 0.004, 0.3),
    commitThrowRate: some(0.002, 0.02, 0.3),
    performThrowRate: some(0.0002, 0.002, 0.2),
  };
}

/** What is added in a world of several nodes. */
export function drawClusterFaults(random: Draws): Partial<Faults> {
  const some = somewhere(random);
  return {
    linkLossRate: some(0.001, 0.05),
    secondOwnerEveryMs: 0,
    serverCrashEveryMs: some(15_000, 90_000),
    heartbeatLossRate: some(0.02, 0.4),
    pauseEveryMs: some(10_000, 60_000),
    splitEveryMs: some(15_000, 90_000),
    cutOffEveryMs: some(15_000, 90_000),
    oneWayEveryMs: some(15_000, 90_000),
    deafEveryMs: some(5_000, 40_000),
    drainEveryMs: some(15_000, 90_000),
  };
}

function somewhere(random: Draws): (min: number, max: number, odds?: number) => number {
  return (min, max, odds = 0.5) => {
    const value = random.between(min, max);
    return random.chance(odds) ? value : 0;
  };
}

/** What the simulator throws where an actor's code might fail: never to be taken for a bug of the system. */
export class Injected extends Error {}
