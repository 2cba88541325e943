// The fallback in JavaScript keeps the same contract.
import { listenWs } from '../../src/transport/server.ws.ts';
import { socketServerContract } from './server.contract.ts';

socketServerContract('ws', listenWs, { idleTimeoutMs: 400 });
