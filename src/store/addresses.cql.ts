// Where nodes of the store are reached, if it is not where they know each other: behind an address translation, or a proxy.
import { policies } from 'cassandra-driver';

type Translator = policies.addressResolution.AddressTranslator;
/** The driver wants a descendant of its class, which its types call an interface. */
const { AddressTranslator } = policies.addressResolution as unknown as { readonly AddressTranslator: new () => Translator };

/** From the address that a node has for its fellows to host:port; others are left as they are. */
export function translatedBy(addresses: ReadonlyMap<string, string>): Translator {
  const translator = new AddressTranslator();
  translator.translate = (address, port, callback) => void callback(addresses.get(address) ?? `${address}:${port}`);
  return translator;
}
