// A node of a CPU profile, as tests name it.
import type { ProfileNode } from '../../bench/cpu-profile.ts';

export function node(id: number, functionName: string, url = '', children: readonly number[] = []): ProfileNode {
  return { id, callFrame: { functionName, url }, children };
}
