// What the command can do, in words.
import { exitCodes } from './exit-codes.ts';
import { scenarios } from './scenarios/catalogue.ts';

/** The command line asks for something that there is not; the message says what there is. */
export class Usage extends Error {}

export function usageText(): string {
  const names = scenarios.map(({ name, says, settings }) => {
    const own = Object.entries(settings).map(([setting, { default: value, says: means }]) => `      --${setting} ${value}  ${means}`);
    return [`  ${name}: ${says}`, ...own].join('\n');
  });
  return `npm run bench -- SCENARIO [options]
npm run bench -- compare A.jsonl B.jsonl    what B is to A
npm run bench -- report FILE.jsonl          the page of a run, as FILE.html
npm run bench -- flame FILE.cpuprofile FILE.svg   the flame graph of a profile that --cpu-prof has written
npm run bench -- --quick [--compare|--keep] what a message, a connect and a session cost, as ratios to the baseline of the same run; compared with, or kept as, the figures of the repository

${names.join('\n')}

Target:
      --start  a server of our own, embedded, on a temporary folder, pinned to one core, the generator on another
      --target ws://127.0.0.1:8080 --tokens FILE  one that runs, here or elsewhere, ws or wss; FILE has a line {userId, deviceId, accessToken} per device: node bench/accounts.ts --api URL --count N > FILE, or --data DIR for a server of your own that is stopped
      --metrics URL, --server-pid N  for its figures of disk, event loop, processor and memory
      --baseline plain|gathered|none  what is measured beside it: bare uWebSockets.js as it is, the same gathering each socket's writes of a turn, nothing

Load:
      --rate N  messages a second; without it the highest that holds is found, on a server that has been warmed up for 8 s
      --p99 MS  a rate holds while the 99th percentile is at most this; without it as the scenario has it
      --seconds N  measured part · --arrivals poisson|uniform · --seed 1
      --generators 1  processes that generate; a run in which one of them was the bottleneck is void; they come before all else on their core, where the system lets them
      --repeat 1  so many runs that are not void; the result is the median
      --cpu-prof DIR  profiles of the servers that were started

Stop:
      --rate-max N  no higher rate is tried
      --stop-after SECONDS, --stop-rss MIB  the run ends when it has taken that long, or the server that much memory; what was measured is in the file

Output:
      --out FILE.jsonl  every step as a line of JSON, while it runs
      --html FILE.html  a page with plots, that needs nothing but a browser
      --json  the last line is one JSON object

Exit code: ${exitCodes.well} all well
           ${exitCodes.broken} something was lost, doubled or reordered, or the server broke off
           ${exitCodes.usage} wrong options, or no target
           ${exitCodes.void} void: the figures say nothing about the server (a generator was the bottleneck, no rate held, a limit was reached, you interrupted it)
           ${exitCodes.slower} slower than the figures it was compared with`;
}
