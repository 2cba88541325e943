// What must hold in every world, whatever goes wrong in it. Each checker gives its complaints.
import * as frames from './check-frames.ts';
import * as logs from './check-logs.ts';

export const checkers = { ...logs, ...frames } as const;
export type CheckerName = keyof typeof checkers;
