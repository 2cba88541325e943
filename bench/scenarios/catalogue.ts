// All scenarios.
import { connect } from './connect.ts';
import { fanOut } from './fan-out.ts';
import { idle } from './idle.ts';
import { offlineSync } from './offline-sync.ts';
import { oneToOne } from './one-to-one.ts';
import { reconnectStorm } from './reconnect-storm.ts';
import type { Scenario } from './scenario.ts';
import { soak } from './soak.ts';

export const scenarios: readonly Scenario[] = [oneToOne, fanOut, idle, connect, offlineSync, reconnectStorm, soak];
