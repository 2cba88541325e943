// The embedded store keeps the contracts.
import { openedLevel } from './level.ts';
import { storesContract } from './stores.contract.ts';

storesContract('level', openedLevel);
