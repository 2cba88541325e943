// The link of a node that is alone.
import { localLink } from '../../src/cluster/link.local.ts';
import { linkContract } from './link.contract.ts';
import { Ears } from './nodes.ts';

linkContract(
  'in process',
  async () => ({
    async join(node) {
      const ears = new Ears();
      return { ears, link: localLink(node, ears) };
    },
    end: async () => undefined,
  }),
  { many: false },
);
